'use strict';

const RETRIES = 100000;

/** Options, then the environment; a store without an address or a secret sends nothing. */
function settings(options = {}) {
    const url = options.url || process.env.SHOAL_WEBHOOK_URL || '';
    const secret = options.secret || process.env.SHOAL_WEBHOOK_SECRET || '';
    if (url && !/^https?:\/\/[^/\s]+\/webhooks\/[^/\s]+$/.test(url)) {
        throw new Error('ShoalPlugin: url (SHOAL_WEBHOOK_URL): expected https://HOST/webhooks/STORE');
    }
    if (url && !secret) {
        throw new Error('ShoalPlugin: secret (SHOAL_WEBHOOK_SECRET): expected the webhook_secret of the store in Shoal');
    }
    return {
        url,
        secret,
        channel: options.channel || process.env.SHOAL_CHANNEL || '',
        recommendations: options.recommendations === true,
        retries: options.retries === undefined ? RETRIES : options.retries,
    };
}

module.exports = { settings };
