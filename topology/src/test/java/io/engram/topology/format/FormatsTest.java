package io.engram.topology.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.schemas.Lane;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.Test;

/** The bytes of what is due: as they were first written, and of no other version. */
class FormatsTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final Stamp STAMP = new Stamp(0x0102030405060708L, Lane.LOW, 9);

    private static byte[] ofVersion(int version, byte[] bytes) {
        byte[] other = bytes.clone();
        other[0] = (byte) version;
        return other;
    }

    @Test
    void shouldKeepTheBytesOfASpaceRecord() {
        SpaceRecord record = new SpaceRecord(
                768, 77, STAMP, 88, OptionalLong.of(60_000), STAMP, OptionalLong.empty(), Stamp.NEVER, true, true);

        assertThat(HEX.formatHex(record.encode()))
                .isEqualTo("05" + "00000300" + "000000000000004d" + "0102030405060708" + "02" + "0000000000000009"
                        + "0000000000000058" + "000000000000ea60" + "0102030405060708" + "02" + "0000000000000009"
                        + "ffffffffffffffff" + "0000000000000000" + "00" + "ffffffffffffffff" + "03");
        assertThat(SpaceRecord.decode(record.encode())).isEqualTo(record);
        assertThatThrownBy(() -> SpaceRecord.decode(ofVersion(6, record.encode())))
                .hasMessage("space record of version 6, expected 5");
    }

    @Test
    void shouldKeepTheBytesOfARetentionState() {
        RetentionState state = new RetentionState(true, false, 0x0102030405060708L, 0x77, Optional.of("é"));

        assertThat(HEX.formatHex(state.encode()))
                .isEqualTo("02" + "01" + "0102030405060708" + "0000000000000077" + "c3a9");
        assertThat(RetentionState.decode(state.encode())).isEqualTo(state);
        RetentionState ready = new RetentionState(false, true, RetentionState.NEVER, 0, Optional.empty());
        assertThat(RetentionState.decode(ready.encode())).isEqualTo(ready);
        assertThatThrownBy(() -> RetentionState.decode(ofVersion(1, state.encode())))
                .hasMessage("retention state of version 1, expected 2");
    }

    @Test
    void shouldKeepTheBytesOfADropMark() {
        DropMark mark = new DropMark(0x0102030405060708L, Optional.of("m1"));

        assertThat(HEX.formatHex(mark.encode())).isEqualTo("01" + "0102030405060708" + "6d31");
        assertThat(DropMark.decode(mark.encode())).isEqualTo(mark);
        DropMark fresh = new DropMark(5, Optional.empty());
        assertThat(DropMark.decode(fresh.encode())).isEqualTo(fresh);
        assertThatThrownBy(() -> DropMark.decode(ofVersion(2, mark.encode())))
                .hasMessage("drop mark of version 2, expected 1");
    }

    @Test
    void shouldKeepTheBytesOfAReview() {
        DefaultsReview review = new DefaultsReview(60_000, 5, true, Optional.of("s1"));

        assertThat(HEX.formatHex(review.encode()))
                .isEqualTo("01" + "000000000000ea60" + "0000000000000005" + "01" + "7331");
        assertThat(DefaultsReview.decode(review.encode())).isEqualTo(review);
        assertThat(DefaultsReview.decode(DefaultsReview.NONE.encode())).isEqualTo(DefaultsReview.NONE);
        assertThatThrownBy(() -> DefaultsReview.decode(ofVersion(2, review.encode())))
                .hasMessage("review of defaults of version 2, expected 1");
    }

    @Test
    void shouldSortWhatIsDueByKindThenTimeThenSpace() {
        Bytes key = StoreKeys.due(DueKind.EXPIRY, 0x0102030405060708L, "notes");

        assertThat(HEX.formatHex(key.get())).isEqualTo("75" + "65" + "0102030405060708" + "6e6f746573");
        assertThat(StoreKeys.timeOfDue(key.get())).isEqualTo(0x0102030405060708L);
        assertThat(StoreKeys.subjectOfDue(key.get())).isEqualTo("notes");
        assertThat(key)
                .isGreaterThan(StoreKeys.due(DueKind.EXPIRY, 0x01020304050607ffL - 0xff, "z"))
                .isLessThan(StoreKeys.due(DueKind.EXPIRY, 0x0102030405060708L, "notes2"))
                .isLessThan(StoreKeys.due(DueKind.EXPIRY, 0x0102030405060709L, "a"))
                .isLessThan(StoreKeys.afterDue(DueKind.EXPIRY))
                .isGreaterThan(StoreKeys.afterDue(DueKind.DROP));
    }

    @Test
    void shouldKeepTheBytesOfASession() {
        SessionState state = SessionState.startedAt(0x4d);
        state.accept(1, 0x1111, 1_000);
        state.skip(2_000, true, 59_999);
        state.accept(3, 0x3333, 0x0102030405060708L);
        state.idleKeyMs(OptionalLong.of(0x55));
        state.close();
        String head = "01" + "0000000000000004" + "000000000000004d" + "0102030405060708" + "0000000000000000"
                + "0000000000000000" + "0000000000000055" + "ffffffffffffffff" + "0000000000000000"
                + "000000000000000a" + "0000000000001111" + "0000000000003333" + "01" + "02" + "03" + "02";

        assertThat(HEX.formatHex(state.encode())).isEqualTo("04" + head);
        assertThat(SessionState.decode(state.encode()).encode()).isEqualTo(state.encode());
        assertThatThrownBy(() -> SessionState.decode(ofVersion(5, state.encode())))
                .hasMessage("session state of version 5, expected 4");
        RetiredSession retired = new RetiredSession(state, 0x99);
        assertThat(HEX.formatHex(retired.encode())).isEqualTo("02" + "0000000000000099" + "04" + head);
        assertThat(RetiredSession.decode(retired.encode()).encode()).isEqualTo(retired.encode());
        assertThatThrownBy(() -> RetiredSession.decode(ofVersion(3, retired.encode())))
                .hasMessage("retired session of version 3, expected 2");
    }

    @Test
    void shouldSortWhatIsDueOfSessionsByKindThenTime() {
        SessionKey session = new SessionKey("notes", Lane.LOW, "a\0b");
        Bytes key = StoreKeys.due(DueKind.idle(Lane.LOW), 0x0102030405060708L, session.subject());

        assertThat(HEX.formatHex(key.get()))
                .isEqualTo("75" + "32" + "0102030405060708" + "6e6f746573" + "00" + "6c6f77" + "00" + "610062");
        assertThat(SessionKey.ofSubject(StoreKeys.subjectOfDue(key.get()))).isEqualTo(session);
        assertThat(key)
                .isGreaterThan(StoreKeys.due(DueKind.idle(Lane.LOW), 1, "z"))
                .isGreaterThan(StoreKeys.afterDue(DueKind.idle(Lane.NORMAL)))
                .isLessThan(StoreKeys.afterDue(DueKind.idle(Lane.LOW)));
        assertThat(StoreKeys.due(DueKind.OPEN, 1, "z")).isLessThan(StoreKeys.afterDue(DueKind.OPEN));
    }

    @Test
    void shouldKeepTheBytesOfAcknowledgedTimes() {
        AcknowledgedTimes times =
                AcknowledgedTimes.NONE.with(Lane.LOW, 0x0102030405060708L).with(Lane.HIGH, 0x55);

        assertThat(HEX.formatHex(times.encode()))
                .isEqualTo("01" + "0000000000000055" + "ffffffffffffffff" + "0102030405060708");
        assertThat(AcknowledgedTimes.decode(times.encode())).isEqualTo(times);
        assertThat(times.of(Lane.HIGH)).hasValue(0x55);
        assertThat(times.of(Lane.NORMAL)).isEmpty();
        assertThatThrownBy(() -> AcknowledgedTimes.decode(ofVersion(2, times.encode())))
                .hasMessage("acknowledged times of version 2, expected 1");
    }
}
