import { useEffect, useState } from "react";

import { hrefOf, type Route, routeOf } from "./base/route";
import { ExplorerPage } from "./explorer/explorer_page";
import { HomePage } from "./portal/home_page";
import { IconButton } from "./widgets/controls";

type Theme = "light" | "dark";

export function App() {
  const [route, setRoute] = useState<Route>(routeOf(location.hash));
  const [theme, setTheme] = useState<Theme>(() =>
    (localStorage.getItem("theme") as Theme | null) ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  useEffect(() => {
    const onChange = () => setRoute(routeOf(location.hash));
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
  }, []);
  document.documentElement.dataset.theme = theme;
  const switchTheme = () => {
    const next = theme === "light" ? "dark" : "light";
    localStorage.setItem("theme", next);
    setTheme(next);
  };
  const [page, name] = route.parts;
  const explored = page === "explore" && name;
  return <>
    {!explored && <header className="top-bar"><a className="brand" href={hrefOf([])}>Stroma</a></header>}
    {explored ? <ExplorerPage name={name} linked={route.query.get("view")} theme={theme} />
      : <HomePage />}
    <div className="theme-switch"><IconButton icon="moon" pressed={theme === "dark"}
      label="Dark colours" onClick={switchTheme} /></div>
  </>;
}
