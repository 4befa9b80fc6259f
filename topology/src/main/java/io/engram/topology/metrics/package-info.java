/** The metric catalogue: names, labels and buckets in one place, and the meters behind them. */
package io.engram.topology.metrics;
