// Node's own fetch: POST standard input to the URL, and print what came back as JSON.
import { text } from "node:stream/consumers";

const body = await text(process.stdin);
let found;
try {
  const answer = await fetch(process.argv[2], {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json" },
  });
  found = { status: answer.status, text: await answer.text() };
} catch (e) {
  found = { complaint: `${e.message}: ${e.cause?.message}` };
}
process.stdout.write(JSON.stringify(found));
