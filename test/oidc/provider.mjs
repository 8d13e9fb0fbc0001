// A provider of sign-in on loopback: node provider.mjs MODULES [ALGORITHM]
// Prints its issuer, reads the site's redirect URI from standard input, prints "ready". Whoever
// signs in is who the login page's `login` field says; "ada" is in the group stroma-admins,
// "mallory" in none, all others in lab.
import { createRequire } from "node:module";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modules, algorithm = "RS256"] = process.argv.slice(2);
const resolve = createRequire(`${modules}/x.js`).resolve;
const { default: Provider } = await import(pathToFileURL(resolve("oidc-provider")));

const keys = algorithm === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 })
  : generateKeyPairSync("ec", { namedCurve: "P-256" });
const groupsOf = { ada: ["stroma-admins", "lab"], mallory: [] };

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(issuer);
const [redirect] = await once(createInterface({ input: process.stdin }), "line");
const provider = new Provider(issuer, {
  clients: [{
    client_id: "stroma", client_secret: "secret of the site: a/b+c", redirect_uris: [redirect],
    grant_types: ["authorization_code"], response_types: ["code"],
    id_token_signed_response_alg: algorithm,
  }],
  jwks: { keys: [{ ...keys.privateKey.export({ format: "jwk" }), use: "sig", alg: algorithm }] },
  cookies: { keys: ["of this test alone"] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  scopes: ["openid", "profile", "email"],
  claims: {
    openid: ["sub"], profile: ["preferred_username", "name", "groups"],
    email: ["email", "email_verified"],
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, preferred_username: `${id} of the lab`, name: id, email: `${id}@lab.example`,
      email_verified: id !== "mallory", groups: groupsOf[id] ?? ["lab"],
    }),
  }),
});
provider.on("server_error", (_, error) => console.error(error));
server.on("request", provider.callback());
console.log("ready");
