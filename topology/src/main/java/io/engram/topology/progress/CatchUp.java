package io.engram.topology.progress;

/**
 * Whether a standby has got what its changelog held when the standby began. Until then its lag says little: of a short
 * changelog all is missing, and yet the lag is small. Thread-safe.
 */
public final class CatchUp {
    /**
     * The last offsets of a changelog may be markers of transactions, or compacted away: no record ever comes from them. A
     * standby that got nothing more between so many looks has all that there is.
     */
    static final int STILL_LOOKS = 5;

    private long target = Long.MAX_VALUE;
    private long last = -1;
    private int still;
    private boolean done;

    /**
     * A look at how far the standby is.
     *
     * @param stored offset of the changelog from which the standby goes on
     * @param end of the changelog
     * @return true once the standby has what was there at the first look
     */
    public synchronized boolean look(long stored, long end) {
        target = Math.min(target, end);
        still = stored == last ? still + 1 : 0;
        last = stored;
        done |= stored >= target || still >= STILL_LOOKS;
        return done;
    }

    /** It processed the lanes itself: it has all that there was. */
    public synchronized void hasAll() {
        done = true;
    }
}
