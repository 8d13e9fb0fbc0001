import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";

import { type Route, routeOf } from "./base/route";
import { type Account, nobody, whoAmI } from "./client/account";
import { HomePage } from "./portal/home_page";
import { Shell } from "./portal/shell";
import { Problem, Waiting } from "./portal/states";
import { IconButton } from "./widgets/controls";
import "./portal/portal.css";

const explorer = () => import("./explorer/explorer_page");
const ExplorerPage = lazy(async () => ({ default: (await explorer()).ExplorerPage }));
// While it is asked who reads, what they came for is read.
if (routeOf(location.hash).parts[0] === "explore") void explorer();
const pages = () => import("./portal/pages");
const page = <Name extends keyof Awaited<ReturnType<typeof pages>>>(name: Name) =>
  lazy(async () => ({ default: (await pages())[name] }));
const AccountPage = page("AccountPage");
const AdminPage = page("AdminPage");
const CollectionPage = page("CollectionPage");
const CollectionsPage = page("CollectionsPage");
const DashboardsPage = page("DashboardsPage");
const DatasetPage = page("DatasetPage");
const GenesPage = page("GenesPage");
const MinePage = page("MinePage");
const SetupPage = page("SetupPage");
const SignInPage = page("SignInPage");
const SqlPage = page("SqlPage");
const UploadPage = page("UploadPage");
const runPages = () => import("./runs/pages");
const runPage = <Name extends keyof Awaited<ReturnType<typeof runPages>>>(name: Name) =>
  lazy(async () => ({ default: (await runPages())[name] }));
const RunPage = runPage("RunPage");
const RunsPage = runPage("RunsPage");
const StartRunPage = runPage("StartRunPage");
const ViewerPage = runPage("ViewerPage");
const WatchPage = runPage("WatchPage");

type Theme = "light" | "dark";

export function App() {
  const [route, setRoute] = useState<Route>(routeOf(location.hash));
  const [theme, setTheme] = useState<Theme>(() =>
    (localStorage.getItem("theme") as Theme | null) ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  const [account, setAccount] = useState<Account | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  useEffect(() => {
    const onChange = () => setRoute(routeOf(location.hash));
    window.addEventListener("hashchange", onChange);
    return () => window.removeEventListener("hashchange", onChange);
  }, []);
  useEffect(() => {
    whoAmI().then(setAccount, setProblem);
  }, []);
  document.documentElement.dataset.theme = theme;
  const switchTheme = () => {
    const next = theme === "light" ? "dark" : "light";
    localStorage.setItem("theme", next);
    setTheme(next);
  };
  const [first, name] = route.parts;
  const explored = first === "explore" && name;
  return <>
    <Suspense fallback={<Waiting />}>
      {explored && !account && !problem ? <Waiting />
        : explored ? <ExplorerPage name={name} linked={route.query.get("view")} theme={theme} />
        : <Shell route={route} account={account ?? nobody} onAccount={setAccount}>
          {problem ? <Problem problem={problem} onRetry={() => location.reload()} />
            : !account ? <Waiting /> : <Suspense fallback={<Waiting />}>
              {pageOf(route, account, setAccount)}</Suspense>}
        </Shell>}
    </Suspense>
    <div className="theme-switch"><IconButton icon="moon" pressed={theme === "dark"}
      label="Dark colours" onClick={switchTheme} /></div>
  </>;
}

function pageOf(route: Route, account: Account, onAccount: (account: Account) => void): ReactNode {
  const [first, name] = route.parts;
  const key = `${name} ${account.user?.id}`;
  switch (first) {
    case undefined: return <HomePage route={route} account={account} />;
    case "datasets": return name ? <DatasetPage key={key} name={name} /> :
      <HomePage route={route} account={account} />;
    case "collections": return name ? <CollectionPage key={key} id={name} /> :
      <CollectionsPage key={key} account={account} />;
    case "genes": return <GenesPage route={route} />;
    case "sql": return <SqlPage key={key} account={account} />;
    case "dashboards": return <DashboardsPage key={key} account={account} route={route} />;
    case "runs": case "pipelines": return runsPageOf(route, account, key);
    case "watch": return <WatchPage key={key} account={account} />;
    case "mine": return <MinePage key={key} account={account} />;
    case "upload": return <UploadPage key={key} account={account} dataset={name ?? ""} />;
    case "admin": return <AdminPage key={key} account={account} part={name ?? "users"} />;
    case "account": return <AccountPage key={key} account={account} />;
    case "sign-in": return <SignInPage account={account} onAccount={onAccount}
      back={route.query.get("to") ?? "#/"} />;
    case "setup": return <SetupPage secret={route.query.get("secret") ?? ""}
      needsName={account.sign_in.setup} onAccount={onAccount} />;
    default: return <Problem problem={new Error("There is no such page.")} />;
  }
}

function runsPageOf(route: Route, account: Account, key: string): ReactNode {
  const [first, name, part] = route.parts;
  if (!name) return <RunsPage key={key} account={account} part={first} />;
  if (name === "new") return <StartRunPage key={key} account={account} like={route.query.get("like") ?? ""} />;
  return part === "view" ? <ViewerPage key={key} id={name} route={route} />
    : <RunPage key={key} id={name} isAdmin={account.user?.role === "administrator"} />;
}
