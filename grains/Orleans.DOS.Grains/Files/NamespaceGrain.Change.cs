using Orleans.DOS.Catalog;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

internal sealed partial class NamespaceGrain
{
    /// <summary>Changes between two sweeps of expired request ids and old changes: fewer than one sweep takes away.</summary>
    private const int ChangesPerSweep = 512;

    private int _changesSinceSweep;

    /// <summary>
    /// Runs one change: answers a repeat from the record, otherwise does the work and records its answer, all in one transaction, again
    /// and again while others change in between what it read.
    /// </summary>
    /// <param name="changes">Rows of dos_changes that the work may write.</param>
    /// <param name="inodes">Inodes that it may make.</param>
    private async Task<T> ChangeAsync<T>(
        CallContext context, long hash, int changes, int inodes, Func<ICatalogSession, NamespaceChange, Task<T>> work)
    {
        RequestTable.CheckRequest(context);
        await SettingsAsync();
        // Numbers come from blocks that are taken in transactions of their own, so they are drawn before this one begins.
        var change = new NamespaceChange(context, CatalogTime.From(_time.GetUtcNow()), await DrawAsync("change", changes), await DrawAsync("inode", inodes));
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var answer = await _catalog.WriteAsync(session => RunAsync(session, change, hash, inodes > 0, work));
                await SweepAsync(change.Now);
                return answer;
            }
            catch (ChangedMeanwhileException) when (attempt < AttemptsMax)
            {
                // Read again: what it found has changed.
            }
            catch (ChangedMeanwhileException)
            {
                throw new DosException(new DosError(
                    DosErrorCode.Unavailable, "others change the same names all the time; nothing was changed", TimeSpan.FromMilliseconds(50)));
            }
        }
    }

    private async Task<T> RunAsync<T>(ICatalogSession session, NamespaceChange change, long hash, bool adds, Func<ICatalogSession, NamespaceChange, Task<T>> work)
    {
        change.Restart();
        await session.RequireActingAsync(change.Context);
        var (found, first) = await session.FindAnswerAsync<T>(change.Context, hash);
        if (found)
        {
            return first!;
        }
        if (adds)
        {
            _catalog.RequireRoom();
        }
        var answer = await work(session, change);
        if (!change.IsUnchanged)
        {
            session.RecordAnswer(change.Context, hash, answer, change.Now);
        }
        return answer;
    }

    private async Task<IReadOnlyList<long>> DrawAsync(string counter, int count)
    {
        var numbers = new long[count];
        for (var index = 0; index < count; index++)
        {
            numbers[index] = await _catalog.NextIdAsync(counter);
        }
        return numbers;
    }

    private async Task SweepAsync(long now)
    {
        if (++_changesSinceSweep >= ChangesPerSweep)
        {
            _changesSinceSweep = 0;
            try
            {
                await _catalog.WriteAsync(session => session.SweepRequestsAsync(now));
                await _catalog.WriteAsync(session => session.SweepChangesAsync(now));
            }
            catch (DosException)
            {
                // The caller's change is done, whatever becomes of this; the next sweep takes what this one has left.
            }
        }
    }

    private Task<Resolved> ResolveAsync(ICatalogSession session, DosPath path, bool followLast) =>
        session.ResolveAsync(_settings!.Root, path, followLast, _virtualRoots);

    private static long HashOf(string call, params ReadOnlySpan<object> arguments)
    {
        var hash = new ContentHash();
        hash.Add(call);
        foreach (var argument in arguments)
        {
            switch (argument)
            {
                case byte[] bytes: hash.Add(bytes); break;
                case string text: hash.Add(text); break;
                default: hash.Add(Convert.ToInt64(argument, System.Globalization.CultureInfo.InvariantCulture)); break;
            }
        }
        return hash.Value;
    }

    private static void CheckMode(int mode)
    {
        if (mode is < 0 or > 0b111_111_111)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"the mode {Convert.ToString(mode, 8)} (octal) is not made of the nine permission bits");
        }
    }

    private static DosException Exists(string path) => new(DosErrorCode.PathExists, $"'{path}' exists already");
}
