package io.engram.topology.follow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.topology.follow.FollowerState.Event;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The whole table of {@link FollowerState}: a row a state, a column an event; {@code -} is what cannot happen. */
class FollowerStateTest {
    private static final List<Event> COLUMNS = List.of(
            Event.SAME_STORE, Event.OTHER_STORE, Event.NOTHING_SAVED, Event.CAUGHT_UP, Event.DAMAGED, Event.CLOSE);

    private static final Map<FollowerState, String> ROWS = Map.of(
            FollowerState.OPENING, "REPLAYING CONFIRMING BUILDING - - CLOSED",
            FollowerState.REPLAYING, "- - - FOLLOWING CONFIRMING CLOSED",
            FollowerState.CONFIRMING, "- - - FOLLOWING CONFIRMING CLOSED",
            FollowerState.BUILDING, "- - - FOLLOWING CONFIRMING CLOSED",
            FollowerState.FOLLOWING, "- - - FOLLOWING CONFIRMING CLOSED",
            FollowerState.CLOSED, "CLOSED CLOSED CLOSED CLOSED CLOSED CLOSED");

    @ParameterizedTest
    @EnumSource(FollowerState.class)
    void shouldFollowTheTable(FollowerState from) {
        assertThat(COLUMNS).as("every event has a column").containsExactlyInAnyOrder(Event.values());
        List<String> row = List.of(ROWS.get(from).split(" "));
        assertThat(row).hasSameSizeAs(COLUMNS);
        for (int column = 0; column < row.size(); column++) {
            Event event = COLUMNS.get(column);
            if (row.get(column).equals("-")) {
                assertThatThrownBy(() -> from.on(event))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage(event + " while " + from);
            } else {
                assertThat(from.on(event)).as("%s, %s", from, event).isEqualTo(FollowerState.valueOf(row.get(column)));
            }
        }
    }
}
