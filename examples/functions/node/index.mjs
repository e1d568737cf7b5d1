// A Lambda function that prices orders, in batches.
//
// It serves a Batcher, whose event is {"records":[{"id":…,"data":…},…]}, and an SQS event source mapping with
// ReportBatchItemFailures.

const prices = new Map([["tea", 250], ["coffee", 320], ["cake", 410]]);

class InvalidOrderError extends Error {}
class UnknownItemError extends Error {}
class NotReadyError extends Error {
  retryAfterMs = 200; // makes it a retry; any other error is a failure
}

// price prices one order. What it throws is the result of that order alone.
function price(order) {
  const { item, count } = order ?? {};
  if (typeof item !== "string" || item === "" || !Number.isInteger(count) || count < 1) {
    throw new InvalidOrderError("an order has an item, and a count of 1 or more");
  }
  if (item === "scone") {
    throw new NotReadyError("the scones are in the oven");
  }
  if (!prices.has(item)) {
    throw new UnknownItemError("we do not sell " + item);
  }
  return { cents: prices.get(item) * count };
}

// result is the result of one record of a batch.
async function result({ id, data }) {
  try {
    return { id, status: "success", data: await price(data) };
  } catch (e) {
    const error = { type: e.constructor.name, message: e.message };
    if (e.retryAfterMs === undefined) {
      return { id, status: "failure", error };
    }
    return { id, status: "retry", retryAfterMs: e.retryAfterMs, error };
  }
}

// succeeds tells whether a message of an SQS queue needs no other delivery.
async function succeeds({ body }) {
  try {
    await price(JSON.parse(body));
    return true;
  } catch (e) {
    console.error(e);
    return false;
  }
}

export async function handler(event) {
  if (Array.isArray(event.records)) {
    return { results: await Promise.all(event.records.map(result)) };
  }
  if (Array.isArray(event.Records)) {
    const good = await Promise.all(event.Records.map(succeeds));
    const failed = event.Records.filter((_, i) => !good[i]);
    return { batchItemFailures: failed.map((m) => ({ itemIdentifier: m.messageId })) };
  }
  throw new Error("the event has neither records nor those of SQS");
}
