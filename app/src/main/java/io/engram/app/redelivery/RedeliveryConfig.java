package io.engram.app.redelivery;

/**
 * How fast shed records come back.
 *
 * @param window redelivered records that may wait on one partition of a lane at once, 1 or more
 * @param tricklePerSecond records a second for a partition that has no room, 1 or more
 */
public record RedeliveryConfig(int window, int tricklePerSecond) {
    public RedeliveryConfig {
        if (window < 1) {
            throw new IllegalArgumentException("window < 1: " + window);
        }
        if (tricklePerSecond < 1) {
            throw new IllegalArgumentException("tricklePerSecond < 1: " + tricklePerSecond);
        }
    }
}
