'use strict';

const crypto = require('crypto');

const PATIENCE = 10_000; // ms for an answer
const SHORTEST = 500; // ms between two tries after a failure
const LONGEST = 10_000;

/** The headers of Standard Webhooks 1.0 (https://www.standardwebhooks.com). */
function signed(secret, id, at, body) {
    const stamp = String(Math.floor(at / 1000));
    const key = secret.startsWith('whsec_')
        ? Buffer.from(secret.slice('whsec_'.length), 'base64')
        : Buffer.from(secret, 'utf8');
    const digest = crypto.createHmac('sha256', key).update(`${id}.${stamp}.${body}`).digest('base64');
    return { 'webhook-id': id, 'webhook-timestamp': stamp, 'webhook-signature': `v1,${digest}` };
}

/**
 * Posts one message after the other. While Shoal is away every job waits before it tries, so that
 * the queue holds few waiting jobs however many messages there are: looking for one that is due
 * costs the store a query for each that is not.
 */
class Delivery {
    constructor(url, secret) {
        this.url = url;
        this.secret = secret;
        this.failures = 0;
        this.notBefore = 0;
    }

    /** Milliseconds since 1970 as Shoal's own clock has them, whatever time the shop lives in. */
    now() {
        return Date.now();
    }

    async send(id, message) {
        await rest(this.notBefore - this.now());
        const body = JSON.stringify(message);
        let problem;
        try {
            problem = await this.post(id, body);
        } catch (error) {
            problem = error.cause?.code || error.name;
        }
        if (problem) {
            this.failures += 1;
            this.notBefore = this.now() + Math.min(SHORTEST * 2 ** Math.min(this.failures, 10), LONGEST);
            throw new Error(`Shoal did not take ${message.type}: ${problem}`);
        }
        this.failures = 0;
        this.notBefore = 0;
    }

    async post(id, body) {
        const answer = await fetch(this.url, {
            method: 'POST',
            body,
            redirect: 'manual',
            signal: AbortSignal.timeout(PATIENCE),
            headers: { 'content-type': 'application/json', ...signed(this.secret, id, this.now(), body) },
        });
        await answer.arrayBuffer();
        return answer.ok ? '' : `status ${answer.status}`;
    }
}

function rest(ms) {
    return ms > 0 ? new Promise(resolve => setTimeout(resolve, ms)) : Promise.resolve();
}

module.exports = { Delivery, rest, signed };
