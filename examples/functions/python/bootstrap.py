"""The runtime of a Python function where there is none: a loop on the Lambda Runtime API.

lambdatest starts it as it starts a program built with aws-lambda-go. In Lambda itself
the function runs in AWS's own Python runtime, and this file is not needed.
"""

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from types import SimpleNamespace

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime/" + path, body, headers)
    response = api.getresponse()
    return response, response.read()


def report(path, e, error_type):
    """Tell of an error, in the form that AWS's own runtime gives it."""
    traceback.print_exc()
    error = {
        "errorMessage": str(e),
        "errorType": error_type,
        "stackTrace": traceback.format_tb(e.__traceback__),
    }
    headers = {"Lambda-Runtime-Function-Error-Type": error_type}
    call("POST", path, json.dumps(error), headers)


def load():
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    error_type = "Runtime.ImportModuleError"
    try:
        loaded = importlib.import_module(module)
        error_type = "Runtime.HandlerNotFound"
        return getattr(loaded, name)
    except Exception as e:
        report("init/error", e, error_type)
        sys.exit(1)


def context_of(headers):
    deadline = int(headers["Lambda-Runtime-Deadline-Ms"])
    return SimpleNamespace(
        aws_request_id=headers["Lambda-Runtime-Aws-Request-Id"],
        invoked_function_arn=headers["Lambda-Runtime-Invoked-Function-Arn"],
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
        get_remaining_time_in_millis=lambda: max(
            0, deadline - int(time.time() * 1000)
        ),
    )


def main():
    handler = load()
    while True:
        invocation, event = call("GET", "invocation/next")
        path = "invocation/" + invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = invocation.headers["Lambda-Runtime-Trace-Id"]
        try:
            answer = handler(json.loads(event), context_of(invocation.headers))
            body = json.dumps(answer)
        except Exception as e:
            report(path + "/error", e, type(e).__name__)
        else:
            call("POST", path + "/response", body)


main()
