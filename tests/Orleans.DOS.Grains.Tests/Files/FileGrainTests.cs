using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Xunit;
using static Orleans.DOS.Files.FilesCluster;

namespace Orleans.DOS.Files;

public sealed class SqliteFileGrainTests(SqliteFiles cluster) : FileGrainTests(cluster), IClassFixture<SqliteFiles>;

public sealed class PostgresFileGrainTests(PostgresFiles cluster) : FileGrainTests(cluster), IClassFixture<PostgresFiles>;

/// <summary>The content of files: against a byte array, over closings and lost owners.</summary>
public abstract class FileGrainTests(FilesCluster cluster)
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task RandomChanges_WithClosedAndLostOwners_ReadAsTheNaiveTwin(int seed)
    {
        var random = new Random(seed);
        var inode = await NewFileAsync();
        byte[] twin = [];
        for (var step = 0; step < 60; step++)
        {
            twin = await ChangeAsync(random, inode, twin);
            if (random.Next(8) == 0)
            {
                await cluster.CloseAsync(inode);
            }
            else if (random.Next(8) == 0)
            {
                await cluster.CrashAsync(inode);
            }
            var position = random.Next(0, twin.Length + 10);
            var count = random.Next(0, 6000);
            Assert.Equal(twin.Skip(position).Take(count), await cluster.ReadAsync(inode, position, count));
            Assert.Equal(twin.Length, (await cluster.Names.StatInodeAsync(Call(), inode)).Size);
        }
        await cluster.CloseAsync(inode);
        Assert.Equal(twin, await cluster.ReadAsync(inode));
    }

    /// <summary>A frame is checked as a whole: what is asked of its log ends where a frame ends, and is asked for once.</summary>
    [Fact]
    public async Task Read_OfPartsOfTwoFrames_FetchesThemOnce()
    {
        var inode = await NewFileAsync();
        await cluster.File(inode).AppendAsync(Call(), new(Filled(1, 15_000)), false);
        await cluster.File(inode).AppendAsync(Call(), new(Filled(2, 15_000)), false);
        await cluster.CloseAsync(inode);
        var before = cluster.Logs.Reads;
        Assert.Equal(Filled(1, 5_000).Concat(Filled(2, 5_000)), await cluster.ReadAsync(inode, 10_000, 10_000));
        Assert.Equal(before + 1, cluster.Logs.Reads);
    }

    [Fact]
    public async Task Append_ManyAtOnce_EachGetsAPlaceOfItsOwn()
    {
        var inode = await NewFileAsync();
        var places = await Task.WhenAll(Enumerable.Range(1, 50).Select(async number =>
            (Number: (byte)number, At: await cluster.File(inode).AppendAsync(Call(), new Immutable<byte[]>(Filled((byte)number, 300)), false))));
        var content = await cluster.ReadAsync(inode);
        Assert.Equal(50 * 300, content.Length);
        Assert.All(places, place => Assert.Equal(Filled(place.Number, 300), content.AsSpan((int)place.At, 300).ToArray()));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(10_000)]
    public async Task Append_Repeated_AnswersTheFirstPosition_AlsoFromALaterOwner(int length)
    {
        var inode = await NewFileAsync();
        await cluster.File(inode).AppendAsync(Call(), new(Filled(1, length)), false);
        var call = Call();
        var data = new Immutable<byte[]>(Filled(2, length));
        Assert.Equal(length, await cluster.File(inode).AppendAsync(call, data, false));
        Assert.Equal(length, await cluster.File(inode).AppendAsync(call, data, false));
        await cluster.CrashAsync(inode);
        Assert.Equal(length, await cluster.File(inode).AppendAsync(call, data, false));
        for (var others = 0; others < 100; others++)
        {
            await cluster.File(inode).AppendAsync(Call(), new(Filled(4, 1)), false);
        }
        await cluster.CloseAsync(inode);
        Assert.Equal(length, await cluster.File(inode).AppendAsync(call, data, false));
        Assert.Equal((2 * length) + 100, (await cluster.ReadAsync(inode)).Length);
        var other = await Assert.ThrowsAsync<DosException>(() => cluster.File(inode).AppendAsync(call, new(Filled(3, length)), false));
        Assert.Equal(DosErrorCode.StepDiverged, other.Code);
    }

    /// <summary>What is overwritten while a checkpoint waits for the disks is not on them: the row must not name it yet.</summary>
    [Fact]
    public async Task WrittenDuringACheckpoint_AndLostWithThePower_LeavesWhatWasFlushed()
    {
        var inode = await NewFileAsync();
        var file = cluster.File(inode);
        var (begun, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        await file.WriteAsync(Call(), 0, new(Filled(1, 20_000)), false);
        await file.FlushAsync(Call());
        cluster.Logs.Flushing = () =>
        {
            begun.TrySetResult();
            return gate.Task;
        };
        try
        {
            // A segment that is left behind makes a checkpoint begin.
            for (var position = 20_000; !begun.Task.IsCompleted; position += 20_000)
            {
                await file.WriteAsync(Call(), position, new(Filled(1, 20_000)), false);
            }
            await file.WriteAsync(Call(), 0, new(Filled(2, 20_000)), false);
            gate.SetResult();
            await Poll.UntilAsync(async () => await PlaceAsync(inode) is not null, Patience);
        }
        finally
        {
            gate.TrySetResult();
            cluster.Logs.Flushing = static () => Task.CompletedTask;
        }
        // Power goes at once, before anything is closed.
        cluster.Logs.LosePower();
        await cluster.CrashAsync(inode);
        Assert.Equal(Filled(1, 20_000), await cluster.ReadAsync(inode, 0, 20_000));
    }

    /// <summary>The checkpoint stands, and its owner does not know it: what it writes next must not be mixed with the rows it believes in.</summary>
    [Fact]
    public async Task CheckpointWhoseAnswerIsLost_IsReadAgainBeforeTheNext()
    {
        var inode = await NewFileAsync();
        var lost = new TaskCompletionSource();
        cluster.Watched.LoseAnswer = changes =>
        {
            var isCheckpoint = changes.Contains("INTO dos_extents", StringComparison.Ordinal) && lost.TrySetResult();
            return isCheckpoint ? new DosException(DosErrorCode.OutcomeUnknown, "staged") : null;
        };
        try
        {
            for (var position = 0; !lost.Task.IsCompleted; position += 20_000)
            {
                // One that meets the end of the owner is done by the next one.
                await RetryAsync(() => cluster.File(inode).WriteAsync(Call(), position, new(Filled(1, 20_000)), false));
            }
        }
        finally
        {
            cluster.Watched.LoseAnswer = static _ => null;
        }
        await RetryAsync(() => cluster.File(inode).TruncateAsync(Call(), 10_000));
        await RetryAsync(() => cluster.File(inode).WriteAsync(Call(), 1_000_000, new(Filled(2, 20_000)), false));
        await cluster.CloseAsync(inode);
        var content = await cluster.ReadAsync(inode, 10_000, 60_000);
        Assert.All(content, value => Assert.Equal(0, value));
        await RetryAsync(() => cluster.File(inode).WriteAsync(Call(), 15_000, new(Filled(3, 100)), false));
        Assert.Equal(Filled(3, 100), await cluster.ReadAsync(inode, 15_000, 100));
    }

    [Fact]
    public async Task PutSmall_RepeatedAfterItsOwnerHasClosed_DoesNotUndoALaterOne()
    {
        var path = "/" + Guid.NewGuid().ToString("N");
        var inode = (await cluster.Names.OpenAsync(Call(), path, new() { Create = true })).Inode;
        await cluster.File(inode).WriteAsync(Call(), 0, new(Filled(9, 20_000)), false);
        var (first, content) = (Call(), new Immutable<byte[]>("first"u8.ToArray()));
        await cluster.Names.PutSmallAsync(first, path, content, new() { Create = true });
        await cluster.CloseAsync(inode);
        await cluster.Names.PutSmallAsync(Call(), path, new("second"u8.ToArray()), new() { Create = true });
        await cluster.Names.PutSmallAsync(first, path, content, new() { Create = true });
        Assert.Equal("second"u8.ToArray(), await cluster.ReadAsync(inode));
    }

    [Fact]
    public async Task PutSmall_OverAFileThatGrew_ReplacesItsContent()
    {
        var path = "/" + Guid.NewGuid().ToString("N");
        var inode = (await cluster.Names.OpenAsync(Call(), path, new() { Create = true })).Inode;
        await cluster.File(inode).WriteAsync(Call(), 0, new(Filled(9, 20_000)), false);
        await cluster.Names.PutSmallAsync(Call(), path, new("small"u8.ToArray()), new() { Create = true });
        Assert.Equal("small"u8.ToArray(), await cluster.ReadAsync(inode));
        await cluster.CloseAsync(inode);
        Assert.Equal("small"u8.ToArray(), await cluster.ReadAsync(inode));
    }

    [Fact]
    public async Task Owner_ThatCanNeitherBeReachedNorIsFenced_MakesTheFileUnavailable_AFencedOneDoesNot()
    {
        var inode = await NewFileAsync();
        await OwnAsync(inode, "n-frozen");
        var failure = await Assert.ThrowsAsync<DosException>(() => cluster.File(inode).AppendAsync(Call(), new([1]), false));
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        Assert.NotNull(failure.Error.RetryAfter);
        var fenced = await NewFileAsync();
        await OwnAsync(fenced, "n-fenced");
        Assert.Equal(0, await cluster.File(fenced).AppendAsync(Call(), new([1]), false));
        Assert.Equal("8 []", await cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<string>(
            "SELECT CAST(epoch AS TEXT) || ' ' || predecessors FROM dos_owners WHERE object = @target", new { target = ObjectId.File(fenced).ToString() })));
    }

    /// <summary>An owner that may have been replaced answers nothing from its memory; what is closed is read from rows by anybody.</summary>
    [Fact]
    public async Task Owner_WhoseNodeLostItsLease_AnswersNothing_UntilItHasItAgain()
    {
        var inode = await NewFileAsync();
        await cluster.File(inode).WriteAsync(Call(), 0, new(Filled(1, 10_000)), false);
        try
        {
            cluster.Lease.IsHeld = false;
            await FailsAsync(DosErrorCode.Unavailable, cluster.ReadAsync(inode));
            await FailsAsync(DosErrorCode.Unavailable, cluster.Names.StatInodeAsync(Call(), inode));
            await FailsAsync(DosErrorCode.Unavailable, cluster.File(inode).WriteAsync(Call(), 0, new(Filled(2, 10)), false));
            await FailsAsync(DosErrorCode.Unavailable, cluster.File(inode).FlushAsync(Call()));
            await cluster.CloseAsync(inode);
            Assert.Equal(Filled(1, 10_000), await cluster.ReadAsync(inode));
        }
        finally
        {
            cluster.Lease.IsHeld = true;
        }
        await cluster.File(inode).WriteAsync(Call(), 0, new(Filled(2, 10_000)), false);
        Assert.Equal(Filled(2, 10_000), await cluster.ReadAsync(inode));
    }

    /// <summary>The look must come behind the reading: a node may be frozen between the two.</summary>
    [Fact]
    public async Task Owner_WhoseLeaseRunsOutWhileItAnswers_DoesNot()
    {
        var inode = await NewFileAsync();
        await cluster.File(inode).WriteAsync(Call(), 0, new(Filled(1, 10_000)), false);
        var looks = 0;
        try
        {
            cluster.Lease.Looked = () => cluster.Lease.IsHeld = Interlocked.Increment(ref looks) < 2;
            await FailsAsync(DosErrorCode.Unavailable, cluster.ReadAsync(inode));
        }
        finally
        {
            (cluster.Lease.Looked, cluster.Lease.IsHeld) = (static () => { }, true);
        }
    }

    [Fact]
    public async Task Write_BadInput_IsRefused()
    {
        var inode = await NewFileAsync();
        await FailsAsync(DosErrorCode.InvalidArgument, cluster.File(inode).WriteAsync(Call(), -1, new([1]), false));
        await FailsAsync(DosErrorCode.LimitExceeded, cluster.File(inode).WriteAsync(Call(), long.MaxValue, new([1]), false));
        await FailsAsync(DosErrorCode.LimitExceeded, cluster.File(inode).AppendAsync(Call(), new(new byte[Limits.FramePayloadBytesMax + 1]), false));
        await FailsAsync(DosErrorCode.NoSuchPath, cluster.File(new InodeId(999_999)).AppendAsync(Call(), new([1]), false));
        await FailsAsync(DosErrorCode.NoSuchPath, cluster.Names.ReadAsync(Call(), new InodeId(999_999), null, 0, 1));
    }

    /// <summary>Two activations may meet when a node goes. The one that loses has done nothing: whoever asked it is to ask again.</summary>
    [Fact]
    public async Task OvertakenWhileItIsOpened_IsUnavailable_AndThenServed()
    {
        var inode = await NewFileAsync();
        var writes = 0;
        cluster.Watched.Before = async () =>
        {
            // Between the taking and the marking of the file as open.
            if (Interlocked.Increment(ref writes) == 2)
            {
                await cluster.Catalog.WriteAsync(session => session.ExecuteAsync(
                    "UPDATE dos_owners SET epoch = epoch + 1 WHERE object = @target", new { target = ObjectId.File(inode).ToString() }));
            }
        };
        try
        {
            await FailsAsync(DosErrorCode.Unavailable, cluster.File(inode).WriteAsync(Call(), 0, new(Filled(1, 10)), false));
        }
        finally
        {
            cluster.Watched.Before = static () => Task.CompletedTask;
        }
        await cluster.File(inode).WriteAsync(Call(), 0, new(Filled(2, 10)), false);
        Assert.Equal(Filled(2, 10), await cluster.ReadAsync(inode));
    }

    [Fact]
    public async Task RemovedWhileItIsOpened_LeavesNoOwner()
    {
        var path = "/" + Guid.NewGuid().ToString("N");
        var inode = (await cluster.Names.OpenAsync(Call(), path, new() { Create = true })).Inode;
        var writes = 0;
        cluster.Watched.Before = async () =>
        {
            // The owner has found the row and is about to take the file; the second write is the removal's own.
            if (Interlocked.Increment(ref writes) == 1)
            {
                await cluster.Names.RemoveAsync(Call(), path, false);
            }
        };
        try
        {
            await FailsAsync(DosErrorCode.NoSuchPath, cluster.File(inode).WriteAsync(Call(), 0, new(Filled(1, 10)), false));
        }
        finally
        {
            cluster.Watched.Before = static () => Task.CompletedTask;
        }
        Assert.Equal(0, await cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<long>(
            "SELECT COUNT(*) FROM dos_owners WHERE object = @target", new { target = ObjectId.File(inode).ToString() })));
    }

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private Task<string?> PlaceAsync(InodeId inode) => cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<string>(
        "SELECT CAST(checkpoint_offset AS TEXT) FROM dos_inodes WHERE inode_id = @inode", new { inode = inode.Value }));

    /// <summary>As the SDK does: an owner that has given up is followed by another.</summary>
    private static Task RetryAsync(Func<Task> act) => Poll.UntilAsync(async () =>
    {
        try
        {
            await act();
            return true;
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown)
        {
            return false;
        }
    }, Patience);

    private async Task<byte[]> ChangeAsync(Random random, InodeId inode, byte[] twin)
    {
        var file = cluster.File(inode);
        var data = new byte[random.Next(3) == 0 ? random.Next(1, 9000) : random.Next(1, 300)];
        random.NextBytes(data);
        switch (random.Next(10))
        {
            case 0:
                var size = random.Next(4) == 0 ? 0 : random.Next(0, twin.Length + 3000);
                await file.TruncateAsync(Call(), size);
                return [.. twin.Take(size), .. new byte[Math.Max(0, size - twin.Length)]];
            case < 5:
                Assert.Equal(twin.Length, await file.AppendAsync(Call(), new(data), random.Next(2) == 0));
                return [.. twin, .. data];
            default:
                var position = random.Next(0, twin.Length + 200);
                await file.WriteAsync(Call(), position, new(data), false);
                byte[] grown = [.. twin, .. new byte[Math.Max(0, position + data.Length - twin.Length)]];
                data.CopyTo(grown, position);
                return grown;
        }
    }

    private async Task<InodeId> NewFileAsync() =>
        (await cluster.Names.OpenAsync(Call(), "/" + Guid.NewGuid().ToString("N"), new() { Create = true })).Inode;

    private Task OwnAsync(InodeId inode, string node) => cluster.Catalog.WriteAsync(session => session.ExecuteAsync(
        "INSERT INTO dos_owners(object, epoch, node_id, incarnation, predecessors) VALUES (@target, 7, @node, 1, '[]')",
        new { target = ObjectId.File(inode).ToString(), node }));

    private static byte[] Filled(byte value, int length) => Enumerable.Repeat(value, length).ToArray();

    private static async Task FailsAsync(DosErrorCode code, Task call) => Assert.Equal(code, (await Assert.ThrowsAsync<DosException>(() => call)).Code);
}
