'use strict';
// A real Vendure on loopback: server and job queue in one process, its database a file that survives
// a kill (without DATABASE only memory). PORT, FOLDER and PLUGIN (what `shoal store plugin` wrote) say where.
// Prints one line, READY, once both APIs answer.
process.env.VENDURE_DISABLE_TELEMETRY = 'true';

const fs = require('fs');
const path = require('path');
const {
    DefaultJobQueuePlugin, DefaultLogger, JobQueueService, LanguageCode, LogLevel, bootstrap, dummyPaymentHandler,
} = require('@vendure/core');
const { populate } = require('@vendure/core/cli');

const { PORT, DATABASE, FOLDER, PLUGIN } = process.env;
const { ShoalPlugin } = require(path.resolve(PLUGIN));
const isFresh = !DATABASE || !fs.existsSync(DATABASE);

/** All or nothing: a kill leaves the old file or the new one. */
function keep(bytes) {
    fs.writeFileSync(`${DATABASE}.new`, bytes);
    fs.renameSync(`${DATABASE}.new`, DATABASE);
}

const config = {
    apiOptions: {
        hostname: '127.0.0.1',
        port: Number(PORT),
        adminApiPath: 'admin-api',
        shopApiPath: 'shop-api',
        cors: { origin: ['http://127.0.0.1'], credentials: true },
    },
    authOptions: {
        tokenMethod: ['bearer'],
        requireVerification: false,
        superadminCredentials: { identifier: 'merchant', password: 'merchant-pass' },
        cookieOptions: { secret: 'of this test' },
    },
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
        DefaultJobQueuePlugin.init({ pollInterval: 50 }),
        ShoalPlugin.init({ recommendations: true }),
    ],
};

const initialData = {
    defaultLanguage: LanguageCode.en,
    defaultZone: 'Europe',
    countries: [{ code: 'DE', name: 'Germany', zone: 'Europe' }],
    taxRates: [{ name: 'Standard Tax', percentage: 20 }],
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

async function filled() {
    const csv = path.join(FOLDER, 'products.csv');
    fs.writeFileSync(csv, products);
    return populate(() => bootstrap(config), initialData, csv);
}

async function main() {
    const app = isFresh ? await filled() : await bootstrap(config);
    await app.get(JobQueueService).start();
    console.log('READY');
}

main().catch(error => { console.error(error); process.exit(1); });
