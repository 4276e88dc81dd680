/** Launches that are stored once: what is sent again after a lost answer, or after a question, carries the same key. */

import { post } from "./api.js";

/** @param {string} path the body is one wish, with or without `confirm` */
export function createLaunchSender(path) {
  let key = newKey();
  const renew = () => {
    key = newKey();
  };

  /** @param {any} body @returns {Promise<any>} */
  const sendOnce = async (body) => {
    try {
      const answer = await post(path, body, { "Idempotency-Key": key });
      renew();
      return answer;
    } catch (problem) {
      // Where no answer came the launch may have been stored; a yes to the question is the same wish.
      if (problem.status !== 0 && problem.kind !== "ConfirmationNeeded") renew();
      throw problem;
    }
  };

  /** @param {any} body @returns {Promise<any>} */
  const send = (body) =>
    sendOnce(body).catch((problem) => {
      // The key stands for another body, whose answer was lost: this one is a wish of its own.
      if (problem.kind === "IdempotencyConflict") return sendOnce(body);
      throw problem;
    });
  return { send, renew };
}

/** A key that makes a repeated request one launch. randomUUID is there in secure contexts only. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
