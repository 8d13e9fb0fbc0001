/** The pages of pipelines, fetched when the first of them is opened. */
import "./runs.css";

export { ViewerPage } from "../viewer/viewer_page";
export { RunPage } from "./run_page";
export { RunsPage, StartRunPage } from "./runs_page";
export { WatchPage } from "./watch_page";
