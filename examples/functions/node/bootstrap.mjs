// The runtime of a Node function where there is none: a loop on the Lambda Runtime API.
//
// lambdatest starts it as it starts a program built with aws-lambda-go. In Lambda itself the function runs in AWS's own
// Node runtime, and this file is not needed.

import http from "node:http"; // and not fetch, which gives up on an answer after some minutes
import path from "node:path";
import { pathToFileURL } from "node:url";

const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/";
const agent = new http.Agent({ keepAlive: true });

function call(method, what, body = "", headers = {}) {
  return new Promise((resolve, reject) => {
    headers = { ...headers, "Content-Length": Buffer.byteLength(body) };
    const request = http.request(api + what, { method, agent, headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

// report tells of an error, in the form that AWS's own runtime gives it.
function report(what, e, errorType) {
  console.error(e);
  const error = { errorType, errorMessage: String(e?.message ?? e), trace: String(e?.stack ?? "").split("\n") };
  return call("POST", what, JSON.stringify(error), { "Lambda-Runtime-Function-Error-Type": errorType });
}

async function load() {
  const [file, name] = process.env._HANDLER.split(".");
  let errorType = "Runtime.ImportModuleError";
  try {
    const module = await import(pathToFileURL(path.join(process.env.LAMBDA_TASK_ROOT, file + ".mjs")));
    if (typeof module[name] === "function") {
      return module[name];
    }
    errorType = "Runtime.HandlerNotFound";
    throw new Error(`${process.env._HANDLER} is undefined or not exported`);
  } catch (e) {
    await report("init/error", e, errorType);
    process.exit(1);
  }
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

const handler = await load();
for (;;) {
  const { headers, body } = await call("GET", "invocation/next");
  const invocation = "invocation/" + headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"];
  let answer;
  try {
    answer = JSON.stringify((await handler(JSON.parse(body), contextOf(headers))) ?? null);
  } catch (e) {
    await report(invocation + "/error", e, e?.name ?? typeof e);
    continue;
  }
  await call("POST", invocation + "/response", answer);
}
