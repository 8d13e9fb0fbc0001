import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./app";
import { takeTokenFromAddress } from "./client/account";
import "./style.css";

const place = document.getElementById("app");
if (!place) throw new Error("the page has no place for the application");
takeTokenFromAddress();
createRoot(place).render(<StrictMode><App /></StrictMode>);
