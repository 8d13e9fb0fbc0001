/** The pages that are fetched when the first of them is opened. */
export { AccountPage } from "./account_page";
export { AdminPage } from "./admin_page";
export { CollectionPage } from "./collection_page";
export { CollectionsPage } from "./collections_page";
export { DashboardsPage } from "../dashboards/dashboards_page";
export { DatasetPage } from "./dataset_page";
export { GenesPage } from "./genes_page";
export { MinePage } from "./mine_page";
export { SetupPage, SignInPage } from "./sign_in";
export { SqlPage } from "./sql_page";
export { UploadPage } from "./upload_page";
