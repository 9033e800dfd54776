'use strict';
// A real Vendure on loopback: server and job queue in one process, its database a file that survives
// a kill (without DATABASE only memory). PORT, FOLDER and PLUGIN (what `shoal store plugin` wrote) say where.
// CATALOGUE is a file to import, CURRENCY and TAX (percent) are its prices'. With CLOCK (ms since 1970) the
// store lives at that time, and /clock?now=MS moves it on: Vendure's API cannot date an order back.
// DROP: nothing is told of the first order that is placed, as if it had been.
// Prints one line, READY, once both APIs answer.
process.env.VENDURE_DISABLE_TELEMETRY = 'true';

const clock = require('./clock');

const { PORT, DATABASE, FOLDER, PLUGIN, CATALOGUE, CLOCK, DROP, CURRENCY = 'USD', TAX = '20' } = process.env;
if (CLOCK) clock.shift(Number(CLOCK));

const bcrypt = require('bcrypt');
const fs = require('fs');
const path = require('path');
const {
    ChannelService, DefaultJobQueuePlugin, DefaultLogger, JobQueueService, LanguageCode, LogLevel, RandomBytesApiKeyStrategy,
    RequestContextService, bootstrap, dummyPaymentHandler,
} = require('@vendure/core');
const { importProductsFromCsv, populateInitialData } = require('@vendure/core/cli');

const { ShoalPlugin } = require(path.resolve(PLUGIN));
const { Delivery } = require(path.resolve(PLUGIN, 'delivery'));
const isFresh = !DATABASE || !fs.existsSync(DATABASE);

/** All or nothing: a kill leaves the old file or the new one. */
function keep(bytes) {
    fs.writeFileSync(`${DATABASE}.new`, bytes);
    fs.renameSync(`${DATABASE}.new`, DATABASE);
}

// Nobody's passwords and keys: what makes them hard to guess takes a third of a second at every request.
const quickly = { hash: text => bcrypt.hash(text, 4), check: (text, hash) => bcrypt.compare(text, hash) };

const config = {
    apiOptions: {
        hostname: '127.0.0.1',
        port: Number(PORT),
        adminApiPath: 'admin-api',
        shopApiPath: 'shop-api',
        cors: { origin: ['http://127.0.0.1'], credentials: true },
        middleware: CLOCK ? [{ route: 'clock', handler: clock.handler }] : [],
    },
    authOptions: {
        tokenMethod: ['bearer'],
        requireVerification: false,
        superadminCredentials: { identifier: 'merchant', password: 'merchant-pass' },
        cookieOptions: { secret: 'of this store only' },
        passwordHashingStrategy: quickly,
        adminApiKeyStrategy: new RandomBytesApiKeyStrategy({ hashingStrategy: quickly }),
    },
    customFields: {
        Customer: [
            { name: 'birthday', type: 'string', nullable: true },
            { name: 'newsletter', type: 'boolean', nullable: true },
        ],
    },
    orderOptions: { orderItemsLimit: 1e9, orderLineItemsLimit: 1e9 },
    dbConnectionOptions: {
        type: 'sqljs',
        ...(isFresh ? {} : { database: fs.readFileSync(DATABASE) }),
        ...(DATABASE ? { autoSave: true, autoSaveCallback: keep } : {}),
        synchronize: isFresh,
        logging: false,
    },
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    importExportOptions: { importAssetsDir: FOLDER },
    logger: new DefaultLogger({ level: process.env.VERBOSE ? LogLevel.Debug : LogLevel.Warn }),
    plugins: [
        DefaultJobQueuePlugin.init({ pollInterval: 20, concurrency: 4 }),
        ShoalPlugin.init({ recommendations: true }),
    ],
};

const initialData = {
    defaultLanguage: LanguageCode.en,
    defaultZone: 'Europe',
    countries: [{ code: 'DE', name: 'Germany', zone: 'Europe' }],
    taxRates: [{ name: 'Standard Tax', percentage: Number(TAX) }],
    shippingMethods: [{ name: 'Standard Shipping', price: 500 }],
    paymentMethods: [{
        name: 'Dummy Payment',
        handler: { code: dummyPaymentHandler.code, arguments: [{ name: 'automaticSettle', value: 'true' }] },
    }],
    collections: [],
};

const products = [
    'name,slug,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,trackInventory,variantAssets,variantFacets',
    'Coffee Beans,coffee-beans,House blend,,category:Coffee,size,250g,CB-250,9.00,standard,100,true,,',
    ',,,,,,1kg,CB-1000,30.00,standard,100,true,,',
    'Tea Pot,tea-pot,Cast iron,,category:Tea,,,TP-1,45.00,standard,50,true,,',
    'Green Tea,green-tea,Sencha,,category:Tea,,,GT-1,12.00,standard,200,true,,',
].join('\n') + '\n';

/** Prices of an import are the channel's, so its currency comes first. */
async function filled() {
    const app = await bootstrap(config);
    await populateInitialData(app, initialData);
    const ctx = await app.get(RequestContextService).create({ apiType: 'admin' });
    await app.get(ChannelService).update(ctx, {
        id: ctx.channelId,
        defaultCurrencyCode: CURRENCY,
        availableCurrencyCodes: [CURRENCY],
    });
    const csv = CATALOGUE || path.join(FOLDER, 'products.csv');
    if (!CATALOGUE) fs.writeFileSync(csv, products);
    // Lists are read by time, and many things of one second have to be read again and again.
    if (CLOCK) clock.hasten(100);
    const done = await importProductsFromCsv(app, csv, LanguageCode.en);
    clock.hasten(1);
    if (done.errors?.length) throw new Error(done.errors.join('; '));
    return app;
}

/** A careless messenger: it says that it told, and did not. */
function lose() {
    const post = Delivery.prototype.post;
    let lost;
    Delivery.prototype.post = function (id, body) {
        const { type, data } = JSON.parse(body);
        if (type === 'order.changed' && !data.active) lost ??= data.id;
        return type === 'order.changed' && data.id === lost ? '' : post.call(this, id, body);
    };
}

async function main() {
    Delivery.prototype.now = clock.wall; // who takes a signature looks at the real clock
    if (DROP) lose();
    const app = isFresh ? await filled() : await bootstrap(config);
    await app.get(JobQueueService).start();
    console.log('READY');
}

main().catch(error => { console.error(error); process.exit(1); });
