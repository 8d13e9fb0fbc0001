import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import "./style.css";
import { App } from "./app";
import { takeTokenFromAddress } from "./client/account";

const place = document.getElementById("app");
if (!place) throw new Error("the page has no place for the application");
takeTokenFromAddress();
createRoot(place).render(<StrictMode><App /></StrictMode>);
