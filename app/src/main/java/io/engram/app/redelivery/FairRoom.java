package io.engram.app.redelivery;

/**
 * Room of a lane, spent over partitions that take turns: each gets at most an equal part of what those before it left, so
 * that together they never take more than there is. Belongs to one thread.
 */
final class FairRoom {
    private long free;
    private int turns;

    /**
     * @param half of the lane's capacity, records
     * @param partitions that take turns
     * @param ofPartitions how many partitions the lane has: others may be redelivering to the rest of them
     * @param waiting records that wait on these partitions already
     */
    FairRoom(long half, int partitions, int ofPartitions, long waiting) {
        this.free = half * partitions / Math.max(partitions, ofPartitions) - waiting;
        this.turns = partitions;
    }

    /** How many records the next partition may take, of those that it wants; 0 when there is no room for it. */
    int take(int wanted) {
        long part = turns <= 0 ? 0 : Math.max(0, free) / turns;
        turns--;
        int taken = (int) Math.min(wanted, part);
        free -= taken;
        return taken;
    }

    /** The next partition takes none of it. */
    void pass() {
        turns--;
    }
}
