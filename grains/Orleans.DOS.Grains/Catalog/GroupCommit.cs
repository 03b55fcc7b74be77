using System.Threading.Channels;

namespace Orleans.DOS.Catalog;

/// <summary>
/// A node's one writer of small changes of one kind. While one transaction is under way, what comes waits, and the next one takes all
/// of it, up to <see cref="Limits.CatalogBatchMax"/>, in the order in which it came: a lone change waits for nobody, many share a commit.
/// <code>CommitAsync(change) -> queue -> { write(session, changes) -> an answer for each } in one transaction -> each caller its answer</code>
/// A refused change is refused alone: its answer says so (its conditional statement changed no row). What cannot be carried out at all
/// (malformed, a unique key taken) undoes its transaction, nothing of which stands then; each change of it runs again by itself, and fails alone.
/// </summary>
/// <param name="write">
/// Carries out all changes and answers for each, in their order. Runs under the rules of <see cref="ICatalog.WriteAsync"/>, maybe more than
/// once. The answers may be filled in by the checks of queued statements: they are read after the commit.
/// </param>
public sealed class GroupCommit<TChange, TAnswer>(
    ICatalog catalog, Func<ICatalogSession, IReadOnlyList<TChange>, Task<IReadOnlyList<TAnswer>>> write) : IAsyncDisposable
{
    private readonly Channel<Item> _queue = Channel.CreateBounded<Item>(new BoundedChannelOptions(Limits.CatalogQueueMax) { SingleReader = true });
    private readonly Lock _gate = new();
    private Task? _loop;

    /// <summary>When the task completes, the change is durable or was refused, as the answer says.</summary>
    /// <exception cref="DosException">
    /// Unavailable: nothing was changed (the catalog is away, the queue is full, or the node is stopping). OutcomeUnknown: the commit's answer
    /// was lost. Others as the catalog says, for this change alone.
    /// </exception>
    public Task<TAnswer> CommitAsync(TChange change)
    {
        var item = new Item(change);
        if (!_queue.Writer.TryWrite(item))
        {
            throw new DosException(new DosError(
                DosErrorCode.Unavailable, $"More than {Limits.CatalogQueueMax} changes wait for the catalog, or it is closing", TimeSpan.FromMilliseconds(200)));
        }
        Begin();
        return item.Done.Task;
    }

    /// <summary>Takes no more; what waits is still carried out.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        Begin();
        await _loop!.ConfigureAwait(false);
    }

    /// <summary>Not before somebody needs it. On the pool: it must not run as part of the turn of the grain that happened to be first.</summary>
    private void Begin()
    {
        if (Volatile.Read(ref _loop) is null)
        {
            lock (_gate)
            {
                _loop ??= Task.Run(LoopAsync);
            }
        }
    }

    private async Task LoopAsync()
    {
        var batch = new List<Item>(Limits.CatalogBatchMax);
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (batch.Count < Limits.CatalogBatchMax && _queue.Reader.TryRead(out var next))
            {
                batch.Add(next);
            }
            await CommitAsync(batch).ConfigureAwait(false);
            batch.Clear();
        }
    }

    private async Task CommitAsync(IReadOnlyList<Item> batch)
    {
        TChange[] changes = [.. batch.Select(item => item.Change)];
        try
        {
            var answers = await catalog.WriteAsync(session => write(session, changes)).ConfigureAwait(false);
            for (var index = 0; index < batch.Count; index++)
            {
                batch[index].Done.TrySetResult(answers[index]);
            }
        }
        catch (DosException failure) when (batch.Count == 1 || failure.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown or DosErrorCode.NoSpace)
        {
            foreach (var item in batch)
            {
                // One each: an exception that many rethrow at once mixes up their stacks.
                item.Done.TrySetException(new DosException(failure.Error));
            }
        }
        catch (Exception failure)
        {
            if (batch.Count == 1)
            {
                batch[0].Done.TrySetException(failure);
                return;
            }
            foreach (var item in batch)
            {
                await CommitAsync([item]).ConfigureAwait(false);
            }
        }
    }

    private sealed class Item(TChange change)
    {
        public TChange Change => change;

        // Asynchronous continuations: a caller's code must never hold up the writer.
        public TaskCompletionSource<TAnswer> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
