'use strict';

// The same names as the Admin API has, so that Shoal reads one order alike by either door.

/** An order or cart with its lines, discounts, payments and refunds. */
function orderDocument(order, encode) {
    return {
        id: encode(order.id),
        code: order.code,
        state: order.state,
        active: order.active,
        createdAt: order.createdAt,
        updatedAt: order.updatedAt,
        orderPlacedAt: order.orderPlacedAt || null,
        currencyCode: order.currencyCode,
        totalWithTax: order.totalWithTax,
        discounts: order.discounts.map(each => ({
            adjustmentSource: source(each.adjustmentSource, encode),
            amountWithTax: each.amountWithTax,
        })),
        promotions: (order.promotions || []).map(each => ({
            id: encode(each.id),
            couponCode: each.couponCode || null,
        })),
        lines: order.lines.map(line => ({
            updatedAt: line.updatedAt,
            quantity: line.quantity,
            orderPlacedQuantity: line.orderPlacedQuantity,
            unitPriceWithTax: line.unitPriceWithTax,
            proratedUnitPriceWithTax: line.proratedUnitPriceWithTax,
            linePriceWithTax: line.linePriceWithTax,
            proratedLinePriceWithTax: line.proratedLinePriceWithTax,
            productVariant: { productId: encode(line.productVariant.productId) },
        })),
        payments: (order.payments || []).map(payment => ({
            state: payment.state,
            amount: payment.amount,
            updatedAt: payment.updatedAt,
            refunds: (payment.refunds || []).map(refund => ({
                id: encode(refund.id),
                state: refund.state,
                total: refund.total,
                shipping: refund.shipping,
                createdAt: refund.createdAt,
                updatedAt: refund.updatedAt,
            })),
        })),
        customer: order.customer ? personDocument(order.customer, encode) : null,
    };
}

/** A customer with the custom fields that hold plain values; Shoal keeps the declared ones. */
function customerDocument(customer, encode) {
    const fields = Object.entries(customer.customFields || {});
    const plain = fields.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
    return {
        ...personDocument(customer, encode),
        updatedAt: customer.updatedAt,
        deletedAt: customer.deletedAt || null,
        customFields: Object.fromEntries(plain),
    };
}

/** A product by its id: Shoal reads the rest, unless it is deleted and nobody can. */
function productDocument(product, encode) {
    const [named] = product.translations || [];
    return { id: encode(product.id), name: named ? named.name : '', deletedAt: product.deletedAt || null };
}

function personDocument(customer, encode) {
    return {
        id: encode(customer.id),
        emailAddress: customer.emailAddress,
        firstName: customer.firstName,
        lastName: customer.lastName,
        phoneNumber: customer.phoneNumber || null,
    };
}

function source(adjustment, encode) {
    const [kind, id] = adjustment.split(':');
    return `${kind}:${encode(id)}`;
}

module.exports = { customerDocument, orderDocument, productDocument };
