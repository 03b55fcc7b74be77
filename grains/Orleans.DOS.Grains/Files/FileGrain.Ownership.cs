using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Files;

internal sealed partial class FileGrain
{
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_file is not { } file)
        {
            return;
        }
        try
        {
            if (!file.Owned.IsDropped)
            {
                await (file.IsPoisoned ? file.CloseLogAsync() : file.CloseAsync());
            }
        }
        catch (DosException gone) when (gone.Code is DosErrorCode.NoSuchPath or DosErrorCode.Stale)
        {
            // Removed, or taken over: nothing of this activation counts any more.
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            LogCloseFailed(_logger, failure, file.Owned.Object);
        }
        finally
        {
            await _ownership.ReleaseAsync(file.Owned);
        }
    }

    /// <summary>Carries a change out once: a repeat is answered from the window, or waits for the first that is still running.</summary>
    private async Task<long> ChangeAsync(CallContext context, long hash, bool durable, Func<OpenFile, WriteRequest, Task<long>> work)
    {
        Check(context);
        RequestTable.CheckRequest(context);
        var file = await OpenAsync();
        if (_running.TryGetValue(context.Request, out var running))
        {
            return running.Hash == hash ? await running.Answer : throw RequestWindow.Diverged(context.Request);
        }
        file.RequireSound();
        if (file.Requests.TryFind(context.Request, hash, out var answer))
        {
            return answer;
        }
        (_isJournal, _readsSinceChange) = (durable, 0);
        var request = new WriteRequest(context.Request, hash, context.Time, durable, context.Principal.Name);
        var task = InsideAsync(file, () => work(file, request));
        _running.Add(context.Request, (hash, task));
        try
        {
            answer = await task;
        }
        finally
        {
            _running.Remove(context.Request);
        }
        BeginCheckpoint(file);
        return answer;
    }

    /// <summary>Answers from memory. The lease is looked at behind the reading: then no other owner had begun to serve when it was read.</summary>
    private async Task<T> AnswerAsync<T>(OpenFile file, Func<Task<T>> read)
    {
        var answer = await InsideAsync(file, read);
        await _lease.RequireAsync();
        return answer;
    }

    /// <summary>Works on what is owned, or not at all. A failure that leaves memory in doubt ends the activation.</summary>
    private async Task<T> InsideAsync<T>(OpenFile file, Func<Task<T>> work)
    {
        await _lease.RequireAsync();
        file.Owned.Enter();
        try
        {
            return await work();
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Stale)
        {
            Abandon(file);
            throw new DosException(DosErrorCode.OutcomeUnknown, $"the file has another owner now: {failure.Error.Message}", failure);
        }
        finally
        {
            file.Owned.Leave();
            if (file.IsPoisoned)
            {
                Abandon(file);
            }
        }
    }

    /// <summary>Memory may differ from what is stored: the next activation takes over and replays.</summary>
    private void Abandon(OpenFile file)
    {
        if (ReferenceEquals(_file, file))
        {
            DeactivateOnIdle();
        }
    }

    /// <summary>The open file if it must be asked: owned here, or left open by an owner that is gone.</summary>
    private async Task<OpenFile?> CurrentAsync()
    {
        if (_opening is not null)
        {
            return await OpenAsync();
        }
        var row = await _table.FindAsync() ?? throw _table.Gone();
        return row.OpenEpoch != 0 || _opening is not null ? await OpenAsync() : null;
    }

    private async Task<OpenFile> OpenAsync()
    {
        var opening = _opening ??= TakeAsync();
        try
        {
            return await opening;
        }
        catch (Exception failure)
        {
            // The next call tries again.
            if (ReferenceEquals(_opening, opening))
            {
                _opening = null;
            }
            if (failure is DosException { Code: DosErrorCode.Stale } overtaken)
            {
                // Two activations took the file at once, and the other one has it. Nothing was done: whoever asks again finds it.
                throw new DosException(new DosError(DosErrorCode.Unavailable, $"the file is being taken over: {overtaken.Error.Message}", OvertakenPause));
            }
            throw;
        }
    }

    private async Task<OpenFile> TakeAsync()
    {
        // No owner row for what does not exist.
        _row = await _table.FindAsync() ?? throw _table.Gone();
        OwnedFile? owned = null;
        await _ownership.TakeAsync(ObjectId.File(_inode), epoch => owned = new OwnedFile(ObjectId.File(_inode), epoch, OnDropped));
        var file = new OpenFile(_table, _logs, owned!, _time);
        try
        {
            await file.LoadAsync();
        }
        catch (Exception failure)
        {
            await _ownership.ReleaseAsync(owned!);
            if (failure is DosException { Code: DosErrorCode.NoSuchPath })
            {
                await DisownAsync(owned!.Epoch);
            }
            throw;
        }
        this.RegisterGrainTimer(CloseWhenIdleAsync, new GrainTimerCreationOptions(IdleCheckPeriod, IdleCheckPeriod));
        return _file = file;
    }

    /// <summary>The file was removed between the look and the taking: its owner row went with it, and the one made since would stay for ever.</summary>
    private async Task DisownAsync(long epoch)
    {
        try
        {
            await _table.DisownAsync(epoch);
        }
        catch (DosException failure)
        {
            LogDisownFailed(_logger, failure, ObjectId.File(_inode));
        }
    }

    /// <summary>Another owner asked; may come from any thread.</summary>
    private void OnDropped() =>
        _context.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "Another owner has taken the file over"));

    private Task CloseWhenIdleAsync(CancellationToken cancellationToken)
    {
        if (_file is { } file && IsIdle(file, _isJournal ? IdleBeforeCloseOfJournal : IdleBeforeClose))
        {
            DeactivateOnIdle();
        }
        return Task.CompletedTask;
    }

    private void CloseForReaders(OpenFile file)
    {
        if (++_readsSinceChange >= ReadsBeforeClose && !_isJournal && IsIdle(file, IdleBeforeCloseForReaders))
        {
            DeactivateOnIdle();
        }
    }

    private bool IsIdle(OpenFile file, TimeSpan since) => _running.Count == 0 && _time.GetElapsedTime(file.LastWriteTimestamp) > since;

    private void BeginCheckpoint(OpenFile file)
    {
        if (file.NeedsCheckpoint && _checkpoint is not { IsCompleted: false })
        {
            _checkpoint = CheckpointAsync(file);
        }
    }

    private async Task CheckpointAsync(OpenFile file)
    {
        try
        {
            await file.CheckpointAsync();
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Stale or DosErrorCode.NoSuchPath)
        {
            // Taken over, or removed: nothing of this activation counts any more.
            Abandon(file);
        }
        catch (DosException failure)
        {
            LogCheckpointFailed(_logger, failure, file.Owned.Object);
            if (file.IsPoisoned)
            {
                Abandon(file);
            }
        }
    }
}
