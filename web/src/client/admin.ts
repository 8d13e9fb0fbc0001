import { getJson, sendJson } from "./http";

export interface User {
  id: string;
  name: string;
  role: string;
  disabled: boolean;
  created: string | null;
}
export const listUsers = async (): Promise<User[]> =>
  (await getJson<{ principals: User[] }>("v1/principals")).principals;
export const createUser = async (name: string, role: string): Promise<User> =>
  (await sendJson<User>("POST", "v1/principals", { name, role })).body;
export const setDisabled = (id: string, disabled: boolean): Promise<unknown> =>
  sendJson("PATCH", `v1/principals/${encodeURIComponent(id)}`, { disabled });
export const invite = async (id: string): Promise<{ url: string; expires: string }> =>
  (await sendJson<{ url: string; expires: string }>("POST",
    `v1/principals/${encodeURIComponent(id)}/invitation`, {})).body;

export interface Token {
  id: string;
  label: string;
  scopes: string[];
  created: string | null;
  expires: string | null;
  used: string | null;
  revoked: boolean;
}
export const listTokens = async (principal: string): Promise<Token[]> =>
  (await getJson<{ tokens: Token[] }>(`v1/tokens?principal=${encodeURIComponent(principal)}`)).tokens;
export const createToken = async (principal: string, label: string, days: number):
    Promise<{ secret: string }> => (await sendJson<{ secret: string }>("POST", "v1/tokens",
  { principal, label, ...(days > 0 ? { expires_in_seconds: days * 86400 } : {}) })).body;
export const revokeToken = (id: string): Promise<unknown> =>
  sendJson("DELETE", `v1/tokens/${encodeURIComponent(id)}`, undefined);

export interface AuditEntry {
  number: number;
  time: string;
  who: string;
  name: string;
  by: string;
  action: string;
  kind: string;
  thing: string;
  outcome: "allowed" | "denied" | "failed";
  address: string;
}
export const listAudit = (before: number | null):
    Promise<{ entries: AuditEntry[]; next: number | null }> =>
  getJson(`v1/audit?limit=100${before === null ? "" : `&before=${before}`}`);
