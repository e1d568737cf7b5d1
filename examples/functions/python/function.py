"""A Lambda function that prices orders, in batches.

It serves a Batcher, whose event is {"records": [{"id": ..., "data": ...}, ...]}, and
an SQS event source mapping with ReportBatchItemFailures.
"""

import json
import traceback

PRICES = {"tea": 250, "coffee": 320, "cake": 410}


class InvalidOrderError(Exception):
    pass


class UnknownItemError(Exception):
    pass


class NotReadyError(Exception):
    retry_after_ms = 200  # makes it a retry; any other exception is a failure


def price(order):
    """Price one order. What it raises is the result of that order alone."""
    item = order.get("item") if isinstance(order, dict) else None
    count = order.get("count") if isinstance(order, dict) else None
    if type(item) is not str or not item or type(count) is not int or count < 1:
        raise InvalidOrderError("an order has an item, and a count of 1 or more")
    if item == "scone":
        raise NotReadyError("the scones are in the oven")
    if item not in PRICES:
        raise UnknownItemError("we do not sell " + item)
    return {"cents": PRICES[item] * count}


def result(record):
    """The result of one record of a batch."""
    try:
        return {"id": record["id"], "status": "success", "data": price(record["data"])}
    except Exception as e:
        error = {"type": type(e).__name__, "message": str(e)}
        if not hasattr(e, "retry_after_ms"):
            return {"id": record["id"], "status": "failure", "error": error}
        return {
            "id": record["id"],
            "status": "retry",
            "retryAfterMs": e.retry_after_ms,
            "error": error,
        }


def succeeds(message):
    """Whether a message of an SQS queue needs no other delivery."""
    try:
        price(json.loads(message["body"]))
        return True
    except Exception:
        traceback.print_exc()
        return False


def handler(event, context):
    if "records" in event:
        return {"results": [result(record) for record in event["records"]]}
    if "Records" in event:
        failed = [m["messageId"] for m in event["Records"] if not succeeds(m)]
        return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
    raise ValueError("the event has neither records nor those of SQS")
