export interface ShoalPluginOptions {
    /** Where Shoal takes this store's webhooks: `https://shoal.example/webhooks/STORE`. Else `SHOAL_WEBHOOK_URL`. */
    url?: string;
    /** The store's secret `webhook_secret` in Shoal. Else `SHOAL_WEBHOOK_SECRET`. */
    secret?: string;
    /** Code of the one channel to tell of. Left out: every channel. */
    channel?: string;
    /**
     * Adds the custom field `shoalRecommendations` (a list of product ids) to customers. Needs a
     * database migration. The store's option `recommendations` in Shoal names it.
     */
    recommendations?: boolean;
    /** How often a message is tried. The default lasts for days. */
    retries?: number;
}

/** Tells Shoal of orders, carts, refunds, customers, products and stock. */
export declare class ShoalPlugin {
    static init(options?: ShoalPluginOptions): typeof ShoalPlugin;
}
