using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>The journal writes one file over and over: what a replay must not take for new.</summary>
public sealed class SegmentJournalTests : IDisposable
{
    private const int RecordBytes = JournalRecord.HeaderBytes + sizeof(long);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-journal-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task FullFile_IsWrittenOver_AndItsOldRecordsAreNotReplayed()
    {
        using (var journal = Open())
        {
            journal.FileBytes = 3 * RecordBytes;
            for (var record = 0; record < 4; record++)
            {
                await AppendAsync(journal, record);
            }
        }
        Assert.Equal(["journal-2"], Directory.GetFiles(_directory).Select(Path.GetFileName));
        Assert.Equal(3 * RecordBytes, new FileInfo(Path.Combine(_directory, "journal-2")).Length);
        Assert.Equal([3L], Replayed());
    }

    [Fact]
    public async Task FileThatWasRenamed_AndNotWrittenYet_ReplaysNothing()
    {
        using (var journal = Open())
        {
            await AppendAsync(journal, 0);
        }
        File.Move(Path.Combine(_directory, "journal-1"), Path.Combine(_directory, "journal-2"));
        Assert.Empty(Replayed());
    }

    [Fact]
    public async Task FileWithAnUnsyncedSegment_Stays_AndIsReplayedFirst()
    {
        using (var journal = Open(isSynced: false))
        {
            journal.FileBytes = RecordBytes;
            await AppendAsync(journal, 0);
            await AppendAsync(journal, 1);
        }
        Assert.Equal([0L, 1L], Replayed());
    }

    [Fact]
    public async Task BatchThatFailedWhenItWasWritten_IsNotReplayedBehindALaterOne()
    {
        using (var journal = Open())
        {
            using var flushing = new ManualResetEventSlim();
            var (write, flush) = (journal.WriteAt, journal.Flush);
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            journal.Flush = handle =>
            {
                reached.TrySetResult();
                flushing.Wait(TestContext.Current.CancellationToken);
                flush(handle);
            };
            // While the first is being flushed the two others become one batch.
            var first = AppendAsync(journal, 0);
            await reached.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
            var failed = new[] { AppendAsync(journal, 1), AppendAsync(journal, 2) };
            journal.WriteAt = (handle, bytes, offset) =>
            {
                write(handle, bytes, offset);
                if (bytes.Length > RecordBytes)
                {
                    throw new IOException("the disk says no when it has written all");
                }
            };
            flushing.Set();
            await first;
            await Assert.ThrowsAsync<IOException>(() => failed[0]);
            await Assert.ThrowsAsync<IOException>(() => failed[1]);
            await AppendAsync(journal, 3);
        }
        Assert.Equal([0L, 3L], Replayed());
    }

    private SegmentJournal Open(bool isSynced = true) => new(_directory, 1, _ => isSynced);

    private static Task AppendAsync(SegmentJournal journal, long number)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        journal.Append(1, number, BitConverter.GetBytes(number), failure =>
        {
            if (failure is null)
            {
                done.SetResult();
            }
            else
            {
                done.SetException(failure);
            }
        });
        return done.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    private List<long> Replayed()
    {
        List<long> replayed = [];
        SegmentJournal.Replay(_directory, (_, offset, data) =>
        {
            Assert.Equal(offset, BitConverter.ToInt64(data));
            replayed.Add(offset);
        });
        return replayed;
    }
}
