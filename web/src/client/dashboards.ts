import { getJson, sendJson } from "./http";
import { type SqlAnswer } from "./sql";

export type Visibility = "private" | "link" | "public";
export interface DashboardHead {
  id: string;
  title: string;
  owner: string;
  own: boolean;
  visibility: Visibility;
  version: number;
  created: string;
  changed: string;
  may: { change: boolean; share: boolean; remove: boolean };
}
export type Source = "relations" | "tables";
export type ParameterKind = "text" | "number" | "date" | "choice";
export interface Parameter {
  name: string;
  label?: string;
  kind: ParameterKind;
  default?: string | number | null;
  choices?: string[];
  source?: Source;
  statement?: string;
}
export const panelKinds = ["line", "area", "bar", "scatter", "table", "number", "text"] as const;
export type PanelKind = (typeof panelKinds)[number];
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}
export interface Panel {
  id: string;
  title?: string;
  kind: PanelKind;
  source?: Source;
  statement?: string;
  refresh_seconds?: number | null;
  text?: string;
  x?: string;
  y?: string[];
  series?: string;
  layout?: "stacked" | "grouped" | "";
  unit?: string;
  points?: boolean;
  from_zero?: boolean;
  place?: Place;
}
export interface Definition {
  title: string;
  description?: string;
  refresh_seconds?: number;
  as_owner?: boolean;
  parameters?: Parameter[];
  panels?: Panel[];
}
export interface DashboardRecord extends DashboardHead {
  definition: Definition;
}
export interface PanelAnswer extends SqlAnswer {
  asked: string;
  more: boolean;
}
export type Values = Record<string, string>;

const part = encodeURIComponent;
const at = (id: string): string => `v1/dashboards/${part(id)}`;

export const listDashboards = async (): Promise<DashboardHead[]> =>
  (await getJson<{ dashboards: DashboardHead[] }>("v1/dashboards")).dashboards;
export const readDashboard = (id: string): Promise<DashboardRecord> => getJson(at(id));
export const createDashboard = async (definition: Definition): Promise<DashboardHead> =>
  (await sendJson<DashboardHead>("POST", "v1/dashboards", definition)).body;
/** Refused (409) when somebody else saved it since that version. */
export const saveDashboard = async (id: string, version: number, definition: Definition):
    Promise<DashboardHead> => (await sendJson<DashboardHead>("PUT", at(id), definition,
  { "If-Match": `"${version}"` })).body;
export const removeDashboard = (id: string): Promise<unknown> => sendJson("DELETE", at(id), undefined);
export const showDashboardTo = async (id: string, visibility: Visibility): Promise<DashboardHead> =>
  (await sendJson<DashboardHead>("PATCH", at(id), { visibility })).body;

export interface DashboardVersion {
  version: number;
  author: string;
  saved: string;
}
export const versionsOf = async (id: string): Promise<DashboardVersion[]> =>
  (await getJson<{ versions: DashboardVersion[] }>(`${at(id)}/versions`)).versions;
export const versionOf = async (id: string, version: number): Promise<Definition> =>
  (await getJson<{ definition: Definition }>(`${at(id)}/versions/${version}`)).definition;

export interface DashboardGrant {
  principal: string;
  name: string;
  access: "read" | "write";
}
export const grantsOfDashboard = async (id: string): Promise<DashboardGrant[]> =>
  (await getJson<{ grants: DashboardGrant[] }>(`${at(id)}/grants`)).grants;
export const grantDashboard = (id: string, principal: string, access: "read" | "write"):
    Promise<unknown> => sendJson("PUT", `${at(id)}/grants/${part(principal)}`, { access });
export const revokeDashboard = (id: string, principal: string): Promise<unknown> =>
  sendJson("DELETE", `${at(id)}/grants/${part(principal)}`, undefined);

/** Few at a time: the server gives one reader few turns, and refuses who asks for too many. */
const atOnce = 2;
let running = 0;
const waiting: (() => void)[] = [];
async function inTurn<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    signal?.throwIfAborted();
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}
const rows = (path: string, body: unknown, signal?: AbortSignal): Promise<PanelAnswer> =>
  inTurn(async () => (await sendJson<PanelAnswer>("POST", path, body, {}, signal)).body, signal);

export const panelRows = (id: string, panel: string, parameters: Values, fresh: boolean,
    signal?: AbortSignal): Promise<PanelAnswer> =>
  rows(`${at(id)}/panels/${part(panel)}/rows`, { parameters, fresh }, signal);
export const choicesOf = async (id: string, parameter: string, parameters: Values,
    signal?: AbortSignal): Promise<string[]> =>
  (await rows(`${at(id)}/parameters/${part(parameter)}/choices`, { parameters }, signal))
    .rows.map(([first]) => String(first ?? ""));
/** A question as it is written, by one's own rights. */
export const previewRows = (source: Source, statement: string, definitions: Parameter[],
    parameters: Values, signal?: AbortSignal): Promise<PanelAnswer> =>
  rows("v1/dashboards/preview", { source, statement, definitions, parameters }, signal);
