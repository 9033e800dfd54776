'use strict';

module.exports = { ShoalPlugin: require('./plugin').ShoalPlugin };
