using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

internal sealed partial class NamespaceGrain
{
    /// <summary>Entries removed in one transaction of a recursive removal.</summary>
    private const int RemoveBatch = 64;

    public Task RemoveAsync(CallContext context, string path, bool recursive)
    {
        Check(context);
        var parsed = DosPath.Parse(path);
        return recursive ? RemoveTreeAsync(context, parsed) : RemoveOneAsync(context, parsed, HashOf("remove", path, false));
    }

    private Task RemoveOneAsync(CallContext context, DosPath path, long hash) =>
        ChangeAsync(context, hash, 1, 0, async (session, change) =>
        {
            var found = await ResolveAsync(session, path, followLast: false);
            var name = found.EntryName();
            await RemoveEntryAsync(session, change, found.End.Parent, name, found.Existing(), found.Path);
            return true;
        });

    /// <summary>
    /// From the leaves up, in bounded transactions, so that what is left at any moment is a whole tree; the name itself goes last, with
    /// the record of the request. When time is up the caller is told to repeat, which goes on where this call stopped.
    /// </summary>
    private async Task RemoveTreeAsync(CallContext context, DosPath path)
    {
        RequestTable.CheckRequest(context);
        var hash = HashOf("remove", path.Text, true);
        var started = _time.GetTimestamp();
        var settings = await SettingsAsync();
        var (found, (answered, _)) = await _catalog.ReadAsync(async session =>
            (await session.ResolveAsync(settings.Root, path, false, _virtualRoots), await session.FindAnswerAsync<bool>(context, hash)));
        if (answered)
        {
            return;
        }
        found.EntryName();
        Stack<(InodeId Parent, string Name, InodeRow Row)> directories = new();
        if (found.Existing().IsDirectory)
        {
            directories.Push((found.End.Parent, found.End.Name!, found.Row!));
        }
        Task<bool> IsInside(ICatalogSession session, InodeId directory) => IsStillInsideAsync(session, found, directory);
        while (directories.TryPeek(out var top))
        {
            if (_time.GetElapsedTime(started) > Limits.LongPollMax)
            {
                throw new DosException(new DosError(DosErrorCode.Unavailable, $"'{found.Path}' is not wholly removed yet: repeat the call", TimeSpan.Zero));
            }
            var below = await RemoveLeavesAsync(context, top.Row.Inode, IsInside);
            if (below is null)
            {
                // Moved out of the tree meanwhile: it is not what was asked to be removed.
                directories.Pop();
                continue;
            }
            if (below.Count > 0)
            {
                below.ToList().ForEach(row => directories.Push((top.Row.Inode, row.Name, row)));
                continue;
            }
            directories.Pop();
            if (directories.Count > 0)
            {
                await RemoveEmptyAsync(context, top.Parent, top.Name, top.Row, IsInside);
            }
        }
        await RemoveOneAsync(context, path, hash);
    }

    /// <summary>
    /// Whether what a removal met on its way still lies in the tree whose name it was given. Asked in the transaction that removes,
    /// under the lock of moves.
    /// </summary>
    private async Task<bool> IsStillInsideAsync(ICatalogSession session, Resolved root, InodeId directory)
    {
        await LockMovesAsync(session);
        var top = root.Row!.Inode;
        return await session.QueryFirstAsync<long?>(
            "SELECT inode_id FROM dos_entries WHERE parent_id = @parent AND name = @name", new { parent = root.End.Parent.Value, name = root.End.Name }) == top.Value
            && await session.IsAtOrAboveAsync(top, directory);
    }

    /// <summary>Removes everything in a directory that is no directory.</summary>
    /// <returns>Some of the directories in it (none: it is empty); null when it does not lie there any more.</returns>
    private async Task<IReadOnlyList<InodeRow>?> RemoveLeavesAsync(CallContext context, InodeId directory, Func<ICatalogSession, InodeId, Task<bool>> isInside)
    {
        string? after = null;
        List<InodeRow> below = [];
        while (true)
        {
            var page = await StepAsync(context, RemoveBatch, async (session, change) =>
            {
                if (!await isInside(session, directory))
                {
                    return null;
                }
                var rows = await session.EntriesAsync(directory, after, RemoveBatch);
                foreach (var row in rows.Where(row => !row.IsDirectory))
                {
                    // Another name of the same file may have gone just before, in this very loop: the count of links is read again.
                    var current = row.Nlink > 1 ? await session.FindInodeAsync(row.Inode) ?? throw new ChangedMeanwhileException() : row;
                    await RemoveEntryAsync(session, change, directory, row.Name, current, row.Name);
                }
                return rows;
            });
            if (page is null)
            {
                return null;
            }
            below.AddRange(page.Where(row => row.IsDirectory));
            if (page.Count < RemoveBatch || below.Count >= RemoveBatch)
            {
                return below;
            }
            after = page[^1].Name;
        }
    }

    private Task RemoveEmptyAsync(CallContext context, InodeId parent, string name, InodeRow row, Func<ICatalogSession, InodeId, Task<bool>> isInside) =>
        StepAsync(context, 1, async (session, change) =>
        {
            if (!await isInside(session, row.Inode))
            {
                return false;
            }
            var present = await session.QueryFirstAsync<long?>(
                "SELECT inode_id FROM dos_entries WHERE parent_id = @parent AND name = @name", new { parent = parent.Value, name });
            if (present == row.InodeId && !await session.HasEntriesAsync(row.Inode))
            {
                await RemoveEntryAsync(session, change, parent, name, row, name);
            }
            return true;
        });

    /// <summary>One transaction of a longer change, without a record of its own: done twice it does nothing the second time.</summary>
    private async Task<T> StepAsync<T>(CallContext context, int changes, Func<ICatalogSession, NamespaceChange, Task<T>> work)
    {
        var change = new NamespaceChange(context, CatalogTime.From(_time.GetUtcNow()), await DrawAsync("change", changes), []);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await _catalog.WriteAsync(session =>
                {
                    change.Restart();
                    return work(session, change);
                });
            }
            catch (ChangedMeanwhileException) when (attempt < AttemptsMax)
            {
                // Read again: what it found has changed.
            }
            catch (ChangedMeanwhileException)
            {
                throw new DosException(new DosError(DosErrorCode.Unavailable, "others change the same names all the time; repeat the call", TimeSpan.FromMilliseconds(50)));
            }
        }
    }

    /// <summary>Takes one name away, and what it named if that was the last name.</summary>
    /// <exception cref="DosException">DirectoryNotEmpty.</exception>
    private async Task RemoveEntryAsync(ICatalogSession session, NamespaceChange change, InodeId parent, string name, InodeRow row, string path)
    {
        change.Touch(session, parent, row.IsDirectory ? -1 : 0);
        session.Expect(
            1, "DELETE FROM dos_entries WHERE parent_id = @parent AND name = @name AND inode_id = @inode", new { parent = parent.Value, name, inode = row.InodeId });
        await DropNameAsync(session, change, row, path);
        change.Log(session, parent, name, row.Inode, ChangeKind.Removed);
    }

    /// <summary>What losing a name does to an inode: the last one takes it away with its content.</summary>
    private async Task DropNameAsync(ICatalogSession session, NamespaceChange change, InodeRow row, string path)
    {
        var inode = new { inode = row.InodeId, now = change.Now };
        if (row.IsDirectory)
        {
            // Locked first and looked into then: who makes an entry in it touches its row before, so one of both sees the other.
            if (await session.LockInodeAsync(row.Inode) is null)
            {
                throw new ChangedMeanwhileException();
            }
            if (await session.HasEntriesAsync(row.Inode))
            {
                throw new DosException(DosErrorCode.DirectoryNotEmpty, $"the directory '{path}' is not empty");
            }
            session.Expect(1, "DELETE FROM dos_inodes WHERE inode_id = @inode", inode);
        }
        else if (row.Nlink > 1)
        {
            session.Expect(
                1, "UPDATE dos_inodes SET nlink = nlink - 1, ctime = @now, version = version + 1 WHERE inode_id = @inode AND nlink > 1", inode);
        }
        else if (row.IsFile && (row.OpenEpoch != 0 || row.IsInline == 0 || row.HadOwner != 0))
        {
            await DropContentAsync(session, row);
        }
        else
        {
            session.Expect(
                1, "DELETE FROM dos_inodes WHERE inode_id = @inode AND nlink = 1 AND open_epoch = 0 AND (kind <> 1 OR content IS NOT NULL) "
                + "AND recent IS NULL AND checkpoint_segment IS NULL", inode);
        }
    }

    /// <summary>
    /// Deletes a file that has segments or once had an owner. The owner row goes first (the order in which owners lock, too): an owner that still writes is
    /// refused by its epoch from then on, so it can add no segment that nobody would ever release.
    /// </summary>
    private async Task DropContentAsync(ICatalogSession session, InodeRow row)
    {
        var target = new { target = ObjectId.File(row.Inode).ToString(), inode = row.InodeId };
        await session.ExecuteAsync("DELETE FROM dos_owners WHERE object = @target", target);
        session.Expect(1, "DELETE FROM dos_inodes WHERE inode_id = @inode AND nlink = 1", target);
        await session.ExecuteAsync("DELETE FROM dos_extents WHERE inode_id = @inode", target);
        var segments = await session.QueryAsync<long>("SELECT segment_id FROM dos_segments WHERE object = @target AND state <> 3", target);
        await _logs.ReleaseAsync(session, segments.Select(segment => new SegmentId(segment)).ToArray());
    }
}
