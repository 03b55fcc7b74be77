namespace Orleans.DOS.Files;

/// <summary>
/// Looks up where the bytes of a file lie. Who asks while the same place of the same file is being looked up waits for the next lookup and shares
/// that: a stream that reads ahead, and the tasks of a job over one file, would otherwise ask the catalog once for each frame. A lookup that
/// had begun before is never shared: what was acknowledged before a read was asked for is in its plan.
/// </summary>
/// <param name="lookUp">Answers the plan for (machine, inode, first byte, byte behind the last one).</param>
internal sealed class ReadPlans(Func<MachineId, InodeId, long, long, Task<FileReadPlan?>> lookUp)
{
    /// <summary>Reads that begin within the same so many bytes share: the rows of one lookup stay about as many as those of its readers.</summary>
    private const long PlaceBytes = 8L * Limits.FramePayloadBytesMax;

    private readonly Lock _gate = new();

    // What is being looked up, with those who wait for the next one.
    private readonly Dictionary<Place, Waiting?> _running = [];

    private readonly record struct Place(MachineId Machine, InodeId Inode, long Number);

    private sealed class Waiting
    {
        public TaskCompletionSource<FileReadPlan?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public long Start { get; set; } = long.MaxValue;
        public long End { get; set; }
    }

    /// <returns>Covers at least the bytes from <paramref name="start"/> to <paramref name="end"/>.</returns>
    public Task<FileReadPlan?> FindAsync(MachineId machine, InodeId inode, long start, long end)
    {
        var place = new Place(machine, inode, start / PlaceBytes);
        lock (_gate)
        {
            if (_running.TryGetValue(place, out var next))
            {
                next ??= _running[place] = new Waiting();
                next.Start = Math.Min(next.Start, start);
                next.End = Math.Max(next.End, end);
                return next.Done.Task;
            }
            _running.Add(place, null);
        }
        return LookUpAsync(place, start, end);
    }

    private async Task<FileReadPlan?> LookUpAsync(Place place, long start, long end)
    {
        DosException? away = null;
        try
        {
            return await lookUp(place.Machine, place.Inode, start, end).ConfigureAwait(false);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.Unavailable)
        {
            away = failure;
            throw;
        }
        finally
        {
            GoOn(place, away);
        }
    }

    /// <param name="away">The catalog cannot be asked: who waited for it has waited long enough.</param>
    private void GoOn(Place place, DosException? away)
    {
        Waiting? next;
        lock (_gate)
        {
            next = _running[place];
            if (next is null || away is not null)
            {
                _running.Remove(place);
            }
            else
            {
                _running[place] = null;
            }
        }
        if (next is null)
        {
            return;
        }
        if (away is not null)
        {
            next.Done.SetException(away);
            return;
        }
        _ = AnswerAsync(place, next);
    }

    private async Task AnswerAsync(Place place, Waiting waiting)
    {
        try
        {
            waiting.Done.SetResult(await LookUpAsync(place, waiting.Start, waiting.End).ConfigureAwait(false));
        }
        catch (Exception failure)
        {
            waiting.Done.SetException(failure);
        }
    }
}
