package io.engram.app.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rocksdb.BackgroundErrorReason;
import org.rocksdb.RocksDB;
import org.rocksdb.Status;

class BoundedRocksDbTest {
    @BeforeAll
    static void load() {
        RocksDB.loadLibrary();
    }

    private static Status status(Status.SubCode subCode) {
        return new Status(Status.Code.IOError, subCode, "said");
    }

    @Test
    void shouldNotLetWritersWaitForRoom() {
        try (BoundedRocksDb.FailAtOnce listener = new BoundedRocksDb.FailAtOnce()) {
            assertThat(listener.onErrorRecoveryBegin(BackgroundErrorReason.FLUSH, status(Status.SubCode.NoSpace)))
                    .isFalse();
            assertThat(listener.onErrorRecoveryBegin(BackgroundErrorReason.FLUSH, status(Status.SubCode.None)))
                    .isTrue();
        }
    }
}
