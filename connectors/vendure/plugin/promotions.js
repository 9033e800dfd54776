'use strict';

const { idsAreEqual, LanguageCode, PromotionCondition, PromotionOrderAction } = require('@vendure/core');

const en = value => [{ languageCode: LanguageCode.en, value }];

/** Vendure binds a code to a group at most: this binds it to one customer. */
const shoalCustomer = new PromotionCondition({
    code: 'shoal_customer',
    description: en('Customer is the one that Shoal sent the code to'),
    args: { customerId: { type: 'ID', label: en('Customer id') } },
    check: (ctx, order, args) => !!order.customer && idsAreEqual(order.customer.id, args.customerId),
});

/**
 * A percentage of the gross, an amount of it, or both, up to a maximum (0: none): what the
 * customer saves and what it costs at most are then what Shoal said they would be.
 */
const shoalDiscount = new PromotionOrderAction({
    code: 'shoal_discount',
    description: en('Discount order by { percent }% and { amount } with tax, at most { maximum }'),
    args: {
        percent: { type: 'float', ui: { component: 'number-form-input', suffix: '%', min: 0, max: 100 } },
        amount: { type: 'int', ui: { component: 'currency-form-input' } },
        maximum: { type: 'int', ui: { component: 'currency-form-input' } },
    },
    execute(ctx, order, args) {
        const gross = order.subTotalWithTax;
        if (gross <= 0) return 0;
        const wanted = (gross * args.percent) / 100 + args.amount;
        const taken = Math.min(wanted, gross, args.maximum > 0 ? args.maximum : wanted);
        const base = ctx.channel.pricesIncludeTax ? gross : order.subTotal;
        return -(base * taken) / gross;
    },
});

module.exports = { shoalCustomer, shoalDiscount };
