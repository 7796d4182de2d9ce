// Sends events to a gateway with the CloudEvents SDK for JavaScript and reads back with it what the gateway delivers to Kafka.
//
// Arguments: gateway URL, Kafka brokers, file of events. Prints one JSON document (tests/interop/README.md).
import { readFile } from "node:fs/promises";
import { CloudEvent, HTTP, Kafka } from "cloudevents";
import { Kafka as Cluster, logLevel } from "kafkajs";

const SECONDS = 60;
const TOPICS = ["interop.javascript.binary", "interop.javascript.structured"];

function event(one, mode) {
  const { name, json, text, base64, ...attributes } = one;
  const data = base64 ? Uint8Array.from(Buffer.from(base64, "base64")) : (json ?? text);
  return new CloudEvent({
    id: `${name}-${mode}`,
    source: "/interop/javascript",
    type: `com.example.${name}`,
    time: "2026-01-02T03:04:05Z",
    ...attributes,
    ...(data === undefined ? {} : { data }),
  });
}

async function post(url, headers, body) {
  return (await fetch(url, { method: "POST", headers, body })).status;
}

async function send(url, cases) {
  const sent = [];
  for (const one of cases) {
    for (const [mode, write] of [["binary", HTTP.binary], ["structured", HTTP.structured]]) {
      const message = write(event(one, mode));
      // The SDK does not percent-encode, and fetch refuses what is not Latin-1 in a header.
      const status = await post(url, message.headers, message.body).catch(() => 0);
      sent.push({ id: `${one.name}-${mode}`, status });
    }
  }
  // The SDK writes no batches.
  const batch = JSON.stringify(cases.map((one) => event(one, "batch")));
  const status = await post(url, { "content-type": "application/cloudevents-batch+json" }, batch);
  return sent.concat(cases.map((one) => ({ id: `${one.name}-batch`, status })));
}

function read(topic, message) {
  const from = `kafka ${topic.split(".").pop()}`;
  const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
  try {
    const event = Kafka.toEvent({ headers, key: message.key, value: message.value });
    return { from, event: JSON.parse(JSON.stringify(event)) };
  } catch (error) {
    return { from, failed: String(error), id: headers.ce_id };
  }
}

async function readAll(brokers, wanted) {
  const cluster = new Cluster({ brokers: brokers.split(","), logLevel: logLevel.NOTHING });
  const consumer = cluster.consumer({ groupId: "interop-javascript" });
  await consumer.connect();
  await consumer.subscribe({ topics: TOPICS, fromBeginning: true });
  const found = new Map();
  await new Promise((resolve) => {
    const timer = setTimeout(resolve, SECONDS * 1000);
    consumer.run({
      eachMessage: async ({ topic, message }) => {
        found.set(`${topic} ${message.offset}`, read(topic, message));
        if (found.size === wanted * TOPICS.length) {
          clearTimeout(timer);
          resolve();
        }
      },
    });
  });
  await consumer.disconnect();
  return [...found.values()];
}

const [url, brokers, path] = process.argv.slice(2);
const cases = JSON.parse(await readFile(path, "utf8"));
const sent = await send(url, cases);
const wanted = sent.filter((one) => one.status === 202).length;
console.log(JSON.stringify({ sent, read: await readAll(brokers, wanted) }));
