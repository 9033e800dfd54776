'use strict';
// A process whose time is another one: it goes on by itself from wherever it was put.

const Real = Date;
let offset = 0;
let pace = 1;
let since = 0;

const now = () => Real.now() + offset + (pace - 1) * (Real.now() - since);

/** Go on so many times as fast from now on. */
function hasten(times) {
    offset = now() - Real.now();
    since = Real.now();
    pace = times;
}

/** Put the clock to a time (ms since 1970); never back, since a store's clock does not run backwards. */
function put(at) {
    offset = Math.max(offset, at - Real.now());
}

/** From now on `Date` tells the shifted time, to SQLite in WebAssembly too. */
function shift(at) {
    offset = at - Real.now();
    globalThis.Date = new Proxy(Real, {
        construct: (target, given, made) => Reflect.construct(target, given.length ? given : [now()], made),
        apply: () => new Real(now()).toString(),
        get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
    });
}

/** GET /clock?now=MS */
function handler(request, response) {
    const at = Number(request.query.now);
    if (at > 0) put(at);
    response.json({ now: now() });
}

module.exports = { handler, hasten, shift, wall: () => Real.now() };
