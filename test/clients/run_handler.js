// Runs one handler of the loader utilities as AWS Lambda would, with the file as it is:
//   node run_handler.js FOLDER FILE ENDPOINT < event.json
// FOLDER holds the handler and its node_modules. The SDK is told where the services are, which in
// the cloud it knows by itself; nothing else is put between.
const path = require("path");

const [folder, file, endpoint] = process.argv.slice(2);
const AWS = require(require.resolve("aws-sdk", { paths: [folder] }));
AWS.config.update({
  endpoint, region: "us-east-1", s3ForcePathStyle: true, maxRetries: 0,
  credentials: { accessKeyId: "any", secretAccessKey: "any" },
});
console.log = () => {};  // the answer is all that is printed

let text = "";
process.stdin.on("data", (piece) => { text += piece; });
process.stdin.on("end", async () => {
  const { handler } = require(path.resolve(folder, file));
  process.stdout.write(JSON.stringify(await handler(JSON.parse(text))));
});
