// A function that does what its event says, or the first record of a batch that says something. All others succeed.

class OrderError extends Error {
  name = "OrderError";
}

export async function handler(event) {
  const { records } = event;
  const asked = records ? records.map((record) => record.data).find((data) => data.do) : event;
  switch (asked?.do) {
    case "throw":
      throw new OrderError("the handler has failed");
    case "hang":
      return new Promise(() => setTimeout(() => {}, 3_600_000));
    case "exit":
      return process.exit(1);
    case "grow":
      return "x".repeat(asked.bytes);
    case "say":
      return asked.what;
  }
  return { results: records.map(({ id, data }) => ({ id, status: "success", data })) };
}
