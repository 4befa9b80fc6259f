package io.engram.topology.follow;

import java.util.EnumMap;
import java.util.Map;

/**
 * How far an index follows its store, and what happens to it:
 *
 * <pre>
 *              SAME_STORE  OTHER_STORE  NOTHING_SAVED  CAUGHT_UP  DAMAGED     CLOSE
 * OPENING      REPLAYING   CONFIRMING   BUILDING       -          -           CLOSED
 * REPLAYING    -           -            -              FOLLOWING  CONFIRMING  CLOSED
 * CONFIRMING   -           -            -              FOLLOWING  CONFIRMING  CLOSED
 * BUILDING     -           -            -              FOLLOWING  CONFIRMING  CLOSED
 * FOLLOWING    -           -            -              FOLLOWING  CONFIRMING  CLOSED
 * CLOSED       CLOSED      CLOSED       CLOSED         CLOSED     CLOSED      CLOSED
 * </pre>
 *
 * What is not in the table cannot happen, and is an error. Changes are applied in every state but OPENING, in which they wait,
 * and CLOSED.
 */
enum FollowerState {
    /** Its files are being opened. */
    OPENING,
    /** It was saved while it followed this very store: what may differ, and what came later, is looked up. */
    REPLAYING,
    /** It was saved, but of what is not known: all that it has and all that is stored is compared. */
    CONFIRMING,
    /** There was nothing: what is stored is inserted. */
    BUILDING,
    /** It has everything, and every change as it comes; recall searches it. */
    FOLLOWING,
    /** The partition has gone elsewhere, or the space. */
    CLOSED;

    /** What can happen to an index. */
    enum Event {
        /** Its files are whole, and of this store. */
        SAME_STORE,
        /** Its files are of another store, or incomplete, or some of them are damaged. */
        OTHER_STORE,
        /** There are no files that can be used. */
        NOTHING_SAVED,
        /** Everything that was found to be done was done. */
        CAUGHT_UP,
        /** A part of the files is found to be damaged, and is not in the index any more. */
        DAMAGED,
        /** Nobody needs it here any more. */
        CLOSE
    }

    private static final Map<FollowerState, Map<Event, FollowerState>> TABLE = new EnumMap<>(FollowerState.class);

    static {
        row(OPENING, Event.SAME_STORE, REPLAYING);
        row(OPENING, Event.OTHER_STORE, CONFIRMING);
        row(OPENING, Event.NOTHING_SAVED, BUILDING);
        for (FollowerState open : new FollowerState[] {REPLAYING, CONFIRMING, BUILDING, FOLLOWING}) {
            row(open, Event.CAUGHT_UP, FOLLOWING);
            row(open, Event.DAMAGED, CONFIRMING);
        }
        for (FollowerState any : values()) {
            row(any, Event.CLOSE, CLOSED);
        }
        for (Event any : Event.values()) {
            row(CLOSED, any, CLOSED);
        }
    }

    private static void row(FollowerState from, Event event, FollowerState to) {
        TABLE.computeIfAbsent(from, state -> new EnumMap<>(Event.class)).put(event, to);
    }

    /**
     * The state after an event.
     *
     * @throws IllegalStateException when that cannot happen in this state
     */
    FollowerState on(Event event) {
        FollowerState next = TABLE.get(this).get(event);
        if (next == null) {
            throw new IllegalStateException(event + " while " + this);
        }
        return next;
    }
}
