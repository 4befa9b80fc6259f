package io.engram.topology.apply;

/** What holds of changes whatever a space holds, of one whose first memory goes to an index. */
class IndexedChangesTest extends ChangesTest {
    @Override
    int scanThreshold() {
        return 0;
    }
}
