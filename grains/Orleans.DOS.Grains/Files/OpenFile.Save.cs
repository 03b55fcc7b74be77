using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>How row and extents follow what is in memory, and the version that both have together.</summary>
internal sealed partial class OpenFile
{
    // The row's version as the last save left it (or as a reader has found it since), and what was acknowledged since. They change together,
    // between two awaits, so that their sum never falls: a row that is read beside them is of before a save or of after it, nobody knows which.
    private long _rowVersion;
    private long _writes;
    private bool _isSaving;

    /// <summary>
    /// Grows with each acknowledged write, and with each change of metadata once a save or a reader has met it. What the row said while a save is
    /// under way says nothing: it may count the writes that are being saved.
    /// </summary>
    /// <param name="rowVersion">As somebody has read it before; 0: nobody has.</param>
    public long VersionBeside(long rowVersion)
    {
        if (!_isSaving)
        {
            _rowVersion = Math.Max(_rowVersion, rowVersion);
        }
        return _rowVersion + _writes;
    }

    /// <summary>
    /// Brings row and extents up to what is acknowledged now. Flushed in between: a row that names bytes must not outlive them in a
    /// power cut, so what is written during the flush waits for the next checkpoint.
    /// </summary>
    public async Task CheckpointAsync()
    {
        await _saving.WaitAsync();
        try
        {
            if (_inline is not null || _log is null)
            {
                return;
            }
            var applied = Applied();
            await _log.FlushAsync();
            RequireSound();
            await SaveAsync(applied, closes: false);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.OutcomeUnknown)
        {
            // The rows may be those of before or the new ones: the next difference would be made against the wrong ones.
            IsPoisoned = true;
            throw;
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>Seals what is open, brings the row up to date and gives ownership up in the same commit: nobody has to take over anything.</summary>
    public async Task CloseAsync()
    {
        await _gate.WaitAsync();
        try
        {
            await _lastFrame;
            RequireSound();
            await _saving.WaitAsync();
            try
            {
                if (_log is not null)
                {
                    await _log.CloseAsync();
                }
                await SaveAsync(Applied(), closes: true);
            }
            finally
            {
                _saving.Release();
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The commit first, then memory: readers never see what is not stored.</summary>
    private async Task SaveInlineAsync(WriteRequest request, byte[] content, long answer)
    {
        var at = CatalogTime.From(time.GetUtcNow());
        await _saving.WaitAsync();
        try
        {
            // The row holds the request beside its effect. Nobody is answered from it before the commit: repeats wait for the first.
            Requests.Add(request.Request, request.Hash, answer);
            _writer = request.Writer;
            await SaveAsync(Applied() with { Map = new ExtentMap(), Inline = content, Size = content.Length, ModifiedAt = Math.Max(ModifiedAt, at), Writes = _writes + 1 }, closes: false);
            (_map, _inline, Size, _assignedSize) = (new ExtentMap(), content, content.Length, content.Length);
            // The one that this write is was counted in the row before it was counted here.
            _writes = 0;
            (ModifiedAt, LastWriteTimestamp) = (Math.Max(ModifiedAt, at), time.GetTimestamp());
        }
        catch
        {
            // The window is ahead of the row, or the commit's outcome is unknown: this activation must not answer any more.
            IsPoisoned = true;
            throw;
        }
        finally
        {
            _saving.Release();
        }
    }

    /// <summary>What a checkpoint is made of, as of now: later writes change none of it.</summary>
    private AppliedContent Applied() => new(
        new ExtentMap(_map.Extents), _inline, Size, ModifiedAt, _writes, _applied, _writer,
        Requests.Encode(_inline is null ? Limits.RequestsKeptPerFile : Limits.RequestsKeptPerInlineFile));

    private async Task SaveAsync(AppliedContent content, bool closes)
    {
        var (delete, put) = content.Map.Difference(_saved);
        (_bytesSinceCheckpoint, _framesSinceCheckpoint) = (0, 0);
        var update = new ContentUpdate(
            content.Size, content.ModifiedAt, content.Inline, content.Place, content.Requests, content.Writes, content.Writer, closes);
        // Stays set when the save fails: whether the row counts these writes is not known then.
        _isSaving = true;
        var version = await table.SaveAsync(owned.Epoch, update, delete, put);
        (_rowVersion, _writes, _isSaving) = (version, _writes - content.Writes, false);
        _saved = content.Map.Extents.ToDictionary(extent => extent.Position);
    }
}
