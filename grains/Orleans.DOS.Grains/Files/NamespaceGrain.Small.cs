using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

internal sealed partial class NamespaceGrain
{
    /// <summary>A new small file, in one commit with all others that are made through this node now.</summary>
    /// <returns>Null when the name is not free, or anything else is in the way: the transaction that can do everything finds out what.</returns>
    private async Task<FileStat?> MakeSmallAsync(CallContext context, long hash, DosPath path, byte[] bytes, FileOpenOptions options)
    {
        RequestTable.CheckRequest(context);
        if (context.Process is not null)
        {
            // Its row would have to be locked: that is the other transaction's business, and holds up nobody else there.
            return null;
        }
        if (!options.Create || path.Split() is not var (directory, name))
        {
            return null;
        }
        var settings = await SettingsAsync();
        var (changeId, inode) = (await _catalog.NextIdAsync("change"), new InodeId(await _catalog.NextIdAsync("inode")));
        var change = new NamespaceChange(context, CatalogTime.From(_time.GetUtcNow()), [changeId], [inode.Value]);
        var row = NewFileRow(change, options, bytes);
        try
        {
            _catalog.RequireRoom();
            if (!await _writer.MakeAsync(new NewFile(context, hash, settings.Root, _virtualRoots, directory, name, row, bytes, changeId)))
            {
                return null;
            }
        }
        catch (DosException full) when (full.Code == DosErrorCode.NoSpace)
        {
            // It may have been made before: the other transaction knows.
            return null;
        }
        catch (ChangedMeanwhileException)
        {
            // The request was used before, and what it made is no longer under that name.
            return null;
        }
        await SweepAsync(change.Now);
        return row.ToStat(name);
    }
}
