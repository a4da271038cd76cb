#!/usr/bin/env node
// A client of a Troupe node for Node.js, written from docs/protocol.md.
//
//     client.mjs ENDPOINT CAPABILITY [METHOD] TEXT
//
// Any number of calls may be under way on the one socket. Parts of a stream come as fast as they
// are taken, and no faster: the client grants WINDOW of them, and more as they are used up.

import { decode, encode } from "@msgpack/msgpack";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Dealer } from "zeromq";

const WINDOW = 16;
const GRACE_MS = 1000; // that the node has beyond a deadline to say that it has passed

export class TroupeError extends Error {
  constructor({ code = "internal", text = "", retryable = false, hint }) {
    super(text ? `${code}: ${text}` : code);
    Object.assign(this, { code, text, retryable, hintMs: hint });
  }
}

export class Client {
  #socket = new Dealer({ linger: 200 });
  #calls = new Map(); // id -> what has come and was not taken, and who waits for it
  #lastId = 0;
  #sent = Promise.resolve(); // a socket takes one message at a time

  constructor(endpoint) {
    this.#socket.connect(endpoint);
    this.#say("hello", 0, { "version-min": 1, "version-max": 1, heartbeat: 0 });
    this.#read();
  }

  /** The frames of the reply; parts, if any, are dropped. */
  async call(capability, payload, options) {
    const stream = this.stream(capability, payload, options);
    for (;;) {
      const { done, value } = await stream.next();
      if (done) return value;
    }
  }

  /** Yields the frames of each part, and returns those of the reply. To leave it early, by `break`
   *  or `return()`, is to cancel it. */
  async *stream(capability, payload = [], { timeoutMs = 30000, ...headers } = {}) {
    const id = ++this.#lastId;
    const call = { arrived: [], wake: () => {} };
    const late = setTimeout(() => this.#end(id, { code: "timeout", retryable: true,
      text: "the node does not answer" }), timeoutMs + GRACE_MS);
    this.#calls.set(id, call);
    let isOver = false;
    try {
      this.#say("request", id, { capability, timeout: timeoutMs, credit: WINDOW, ...headers },
        payload);
      for (let taken = 1; ; taken++) {
        while (call.arrived.length === 0) await new Promise((resolve) => (call.wake = resolve));
        const { command, headers: told, frames } = call.arrived.shift();
        isOver = command !== "part";
        if (command === "error") throw new TroupeError(told);
        if (command === "reply") return frames;
        yield frames;
        if (taken % (WINDOW / 2) === 0) this.#say("credit", id, { credit: WINDOW / 2 });
      }
    } finally {
      clearTimeout(late);
      this.#calls.delete(id);
      if (!isOver) this.#say("cancel", id);
    }
  }

  /** Say good-bye; what is open ends. */
  async close() {
    for (const id of this.#calls.keys()) {
      this.#end(id, { code: "cancelled", text: "the client was closed" });
    }
    await this.#say("bye", 0);
    this.#socket.close();
  }

  #say(command, id, headers = {}, payload = []) {
    const frames = [encode(["TRP1", command, id, headers]), ...[payload].flat()];
    this.#sent = this.#sent.then(() => this.#socket.closed || this.#socket.send(frames));
    return this.#sent;
  }

  async #read() {
    for await (const [head, ...frames] of this.#socket) {
      const [, command, id, headers] = decode(head);
      if (command === "ping") this.#say("pong", id);
      if (command === "bye") this.#loseAll();
      if (["part", "reply", "error"].includes(command)) this.#put(id, { command, headers, frames });
    }
  }

  #put(id, message) {
    const call = this.#calls.get(id);
    call?.arrived.push(message);
    call?.wake();
  }

  #end(id, headers) {
    this.#put(id, { command: "error", headers, frames: [] });
  }

  #loseAll() {
    for (const id of this.#calls.keys()) {
      this.#end(id, { code: "worker_lost", retryable: true, text: "the node has cut us off" });
    }
  }
}

async function main(endpoint, capability, ...rest) {
  const text = rest.pop();
  const client = new Client(endpoint);
  try {
    const stream = client.stream(capability, text, rest.length > 0 ? { method: rest[0] } : {});
    for (;;) {
      const { done, value } = await stream.next();
      console.log(Buffer.concat(value).toString());
      if (done) break;
    }
  } catch (error) {
    console.error(`client.mjs: ${error.message}`);
    process.exitCode = 1;
  } finally {
    await client.close();
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv.length < 5 || process.argv.length > 6) {
    console.error("usage: client.mjs ENDPOINT CAPABILITY [METHOD] TEXT");
    process.exitCode = 2;
  } else {
    await main(...process.argv.slice(2));
  }
}
