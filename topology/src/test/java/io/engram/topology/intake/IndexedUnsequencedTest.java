package io.engram.topology.intake;

/** What holds of records without a session, of a space whose first memory goes to an index. */
class IndexedUnsequencedTest extends UnsequencedTest {
    @Override
    int scanThreshold() {
        return 0;
    }
}
