'use strict';

const crypto = require('crypto');
const {
    AccountRegistrationEvent,
    AccountVerifiedEvent,
    ConfigService,
    CouponCodeEvent,
    Customer,
    CustomerEvent,
    EventBus,
    IdentifierChangeEvent,
    JobQueueService,
    LanguageCode,
    Logger,
    OrderEvent,
    OrderLineEvent,
    OrderPlacedEvent,
    OrderService,
    OrderStateTransitionEvent,
    PaymentStateTransitionEvent,
    PluginCommonModule,
    Product,
    ProductEvent,
    ProductVariant,
    ProductVariantEvent,
    ProductVariantPriceEvent,
    RefundEvent,
    RefundStateTransitionEvent,
    RequestContextService,
    StockMovementEvent,
    TransactionalConnection,
    VendurePlugin,
    isInspectableJobQueueStrategy,
} = require('@vendure/core');
const { Delivery, rest } = require('./delivery');
const { customerDocument, orderDocument, productDocument } = require('./documents');
const { shoalCustomer, shoalDiscount } = require('./promotions');
const { settings } = require('./settings');

const NAME = 'ShoalPlugin';
const QUEUE = 'shoal-webhooks';
const VERSION = 1; // of the messages; Shoal refuses one that it does not know
const SETTLED = 100; // ms after which the transaction that made a job has ended
const ORDER_RELATIONS = [
    'customer', 'lines', 'lines.productVariant', 'promotions', 'payments', 'payments.refunds', 'shippingLines', 'surcharges',
];

// What an event is about: pairs of a kind and ids. Orders and carts are one thing to Vendure.
const order = event => [['order', [event.order.id]]];
const products = variants => [['product', [...new Set(variants.map(each => each.productId).filter(Boolean))]]];
const SUBJECTS = new Map([
    [OrderEvent, order],
    [OrderLineEvent, order],
    [OrderStateTransitionEvent, order],
    [OrderPlacedEvent, order],
    [PaymentStateTransitionEvent, order],
    [RefundEvent, order],
    [RefundStateTransitionEvent, order],
    [CouponCodeEvent, event => [['order', [event.orderId]]]],
    [CustomerEvent, event => [['customer', [event.entity.id]]]],
    [AccountVerifiedEvent, event => [['customer', [event.customer.id]]]],
    [AccountRegistrationEvent, event => [['user', [event.user.id]]]],
    [IdentifierChangeEvent, event => [['user', [event.user.id]]]],
    [ProductEvent, event => [['product', [event.entity.id]]]],
    [ProductVariantEvent, event => products(event.entity)],
    [ProductVariantPriceEvent, event => [['variant', event.entity.map(each => each.variant?.id)]]],
    [StockMovementEvent, event => [['stock', event.stockMovements.map(each => each.productVariant?.id)]]],
]);

class ShoalPlugin {
    static init(options) {
        ShoalPlugin.settings = settings(options);
        return ShoalPlugin;
    }

    constructor(eventBus, jobQueueService, configService, contextService, connection, orderService) {
        this.eventBus = eventBus;
        this.jobQueueService = jobQueueService;
        this.configService = configService;
        this.contextService = contextService;
        this.connection = connection;
        this.orderService = orderService;
        this.queued = new WeakMap(); // of contexts, each of one transaction
    }

    async onApplicationBootstrap() {
        const wanted = ShoalPlugin.settings || settings();
        if (!wanted.url) {
            Logger.warn('SHOAL_WEBHOOK_URL is not set: nothing is sent to Shoal', NAME);
            return;
        }
        this.wanted = wanted;
        this.delivery = new Delivery(wanted.url, wanted.secret);
        this.queue = await this.jobQueueService.createQueue({ name: QUEUE, process: job => this.process(job) });
        this.listen();
        await this.takeUpAgain();
    }

    /**
     * A queue in the store's database takes the job in the transaction of the change itself: both
     * are there or neither. Any other queue is told after the commit.
     */
    listen() {
        const events = [...SUBJECTS.keys()];
        if (this.strategy.constructor.name === 'SqlJobQueueStrategy') {
            this.eventBus.registerBlockingEventHandler({
                event: events,
                id: QUEUE,
                handler: event => this.enqueue(event, event.ctx),
            });
            return;
        }
        Logger.warn('The job queue is not in the database: use DefaultJobQueuePlugin to lose nothing', NAME);
        for (const type of events) {
            this.eventBus.ofType(type).subscribe(event => this.enqueue(event));
        }
    }

    /** What was being sent when the process was killed is sent again: Shoal counts it once. */
    async takeUpAgain() {
        if (!isInspectableJobQueueStrategy(this.strategy)) return;
        const filter = { queueName: { eq: QUEUE }, state: { eq: 'RUNNING' } };
        const { items } = await this.strategy.findMany({ filter, take: 100 });
        for (const job of items) {
            await this.queue.add(job.data, { retries: this.wanted.retries });
            await this.strategy.cancelJob(job.id);
        }
    }

    get strategy() {
        return this.configService.jobQueueOptions.jobQueueStrategy;
    }

    async enqueue(event, ctx) {
        if (this.wanted.channel && event.ctx.channel.code !== this.wanted.channel) return;
        try {
            for (const [kind, ids] of SUBJECTS.get(event.constructor)(event)) {
                const known = ids.filter(id => id !== undefined && id !== null);
                if (!known.length || (ctx && this.isQueued(ctx, `${kind} ${known}`))) continue;
                const data = {
                    id: `msg_${crypto.randomUUID()}`,
                    at: new Date().toISOString(),
                    channel: event.ctx.channel.token,
                    kind,
                    ids: known,
                };
                await this.queue.add(data, { retries: this.wanted.retries, ctx });
            }
        } catch (error) {
            // A shop goes on selling whatever becomes of us.
            Logger.error(`${event.constructor.name} could not be queued: ${error.message}`, NAME, error.stack);
        }
    }

    /**
     * Whether this transaction has queued a message about the same already. What is said is read
     * after the commit, so one says it all; a cart of twenty lines would send twenty.
     */
    isQueued(ctx, subject) {
        const { queryRunner } = this.connection.getRepository(ctx, Product).manager;
        if (!queryRunner || !queryRunner.isTransactionActive) return false;
        const its = this.queued.get(ctx) || new Set();
        this.queued.set(ctx, its);
        return its.size === its.add(subject).size;
    }

    async process(job) {
        const { id, at, channel, kind, ids } = job.data;
        await rest(Date.parse(at) + SETTLED - Date.now());
        const ctx = await this.contextService.create({ apiType: 'admin', channelOrToken: channel });
        let sent = 0;
        for (const message of await this.messages(ctx, kind, ids)) {
            await this.delivery.send(`${id}_${sent}`, { ...message, version: VERSION, timestamp: at });
            sent += 1;
        }
        return { sent };
    }

    /** What to say of some ids as they are now; nothing of what is gone. */
    async messages(ctx, kind, ids) {
        const encode = id => String(this.configService.entityOptions.entityIdStrategy.encodeId(id));
        if (kind === 'order') {
            const found = await this.orderService.findOne(ctx, ids[0], [...ORDER_RELATIONS]);
            return found ? [{ type: 'order.changed', data: orderDocument(found, encode) }] : [];
        }
        if (kind === 'customer' || kind === 'user') {
            const where = kind === 'customer' ? { id: ids[0] } : { user: { id: ids[0] } };
            const found = await this.connection.getRepository(ctx, Customer).findOne({ where });
            return found ? [{ type: 'customer.changed', data: customerDocument(found, encode) }] : [];
        }
        const changed = kind === 'product' ? ids : await this.productsOf(ctx, ids, kind === 'stock');
        const found = await Promise.all(changed.map(id => this.found(ctx, Product, id)));
        return found
            .filter(Boolean)
            .map(each => ({ type: 'product.changed', data: productDocument(each, encode) }));
    }

    /** Where stock alone moved, that of what nobody counts says nothing. */
    async productsOf(ctx, ids, isStock) {
        const variants = await Promise.all(ids.map(id => this.found(ctx, ProductVariant, id)));
        const told = variants.filter(each => each && !(isStock && each.trackInventory === 'FALSE'));
        return [...new Set(told.map(each => each.productId))];
    }

    found(ctx, kind, id) {
        return this.connection.getRepository(ctx, kind).findOne({ where: { id } });
    }
}

const NEEDS = [EventBus, JobQueueService, ConfigService, RequestContextService, TransactionalConnection, OrderService];
Reflect.defineMetadata('design:paramtypes', NEEDS, ShoalPlugin);

VendurePlugin({
    imports: [PluginCommonModule],
    compatibility: '^3.6.0',
    configuration(config) {
        const wanted = ShoalPlugin.settings || settings();
        config.promotionOptions.promotionConditions.push(shoalCustomer);
        config.promotionOptions.promotionActions.push(shoalDiscount);
        const methods = [config.authOptions.tokenMethod || 'cookie'].flat();
        if (!methods.includes('api-key')) config.authOptions.tokenMethod = [...methods, 'api-key'];
        if (wanted.recommendations) {
            config.customFields.Customer.push({
                name: 'shoalRecommendations',
                type: 'string',
                list: true,
                public: true,
                readonly: false,
                label: [{ languageCode: LanguageCode.en, value: 'Products that Shoal recommends' }],
            });
        }
        return config;
    },
})(ShoalPlugin);

module.exports = { ShoalPlugin };
