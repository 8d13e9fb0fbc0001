// The JavaScript SDK as it is: puts a buffer and a stream, reads them back, and lists streams.
//   use_aws.mjs MODULES ENDPOINT BUCKET   the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
import {createRequire} from "node:module";
import {Readable} from "node:stream";
import path from "node:path";

const [modules, endpoint, bucket] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(modules), "package.json"));
const {S3Client, PutObjectCommand, GetObjectCommand, ListObjectsV2Command} =
    require("@aws-sdk/client-s3");
const {KinesisClient, ListStreamsCommand} = require("@aws-sdk/client-kinesis");

const options = {endpoint, region: "us-east-1", maxAttempts: 1};
const s3 = new S3Client({...options, forcePathStyle: true});
const text = "stream ".repeat(30_000);
await s3.send(new PutObjectCommand({Bucket: bucket, Key: "buffer +é", Body: "buffer"}));
// A stream of unknown length goes out in signed-by-nobody chunks with its checksum behind.
const stream = Readable.from([...text.matchAll(/.{1,1000}/gs)].map((one) => Buffer.from(one[0])));
await s3.send(new PutObjectCommand({
    Bucket: bucket, Key: "stream", Body: stream, ContentLength: text.length}));
const read = async (key) =>
    (await s3.send(new GetObjectCommand({Bucket: bucket, Key: key}))).Body.transformToString();
const listed = await s3.send(new ListObjectsV2Command({Bucket: bucket}));

// This client speaks HTTP/2 without asking, on plain http too.
const kinesis = new KinesisClient(options);
let streams;
try {
    streams = (await kinesis.send(new ListStreamsCommand({}))).StreamNames;
} catch (error) {
    streams = error.name;
}
kinesis.destroy();
console.log(JSON.stringify({
    buffer: await read("buffer +é"), stream: (await read("stream")) === text,
    keys: listed.Contents.map((one) => one.Key), streams}));
