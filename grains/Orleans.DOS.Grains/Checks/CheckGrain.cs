using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Checks;

/// <summary>
/// A check of the whole cluster, in steps of a bounded time, each of which any node may do. It runs beside everything else: what one
/// statement reads is of one moment, and what a disk says is compared with rows that were the same before and after.
/// </summary>
[GrainType("dos.check"), StatelessWorker]
internal sealed class CheckGrain(
    ICatalog catalog, NameCheck names, ExtentCheck extents, SegmentCheck segments, DiskCheck disks, TimeProvider time, IGrainContext grain) : Grain, ICheckGrain
{
    /// <summary>A step ends behind the first part that ends after this time; a part takes seconds at most.</summary>
    private static readonly TimeSpan StepTime = TimeSpan.FromSeconds(1);
    private const int FindingsMax = 100;

    private readonly MachineId _machine = new(GrainKeys.Parse(grain.GrainId.Key.ToString()!).First);

    public async Task<CheckStep> StepAsync(CallContext context, CheckOptions options, string? after)
    {
        if (context.Machine != _machine || context is not { Principal.UserId: 0, Process: null })
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"{context.Principal.Name} may not check the cluster's disks: that is the administrator's");
        }
        CheckCursor? at = CheckCursor.Parse(after);
        var run = new CheckRun(catalog, options, file => CloseAsync(context, file));
        var started = time.GetTimestamp();
        do
        {
            at = at.Value.Stage switch
            {
                CheckStage.Names => await names.EntriesAsync(run, at.Value),
                CheckStage.Inodes => await names.InodesAsync(run, at.Value, () => LostAndFoundAsync(context)),
                CheckStage.Extents => await extents.StepAsync(run, at.Value),
                CheckStage.Segments => await segments.StepAsync(run, at.Value),
                _ => await disks.StepAsync(run, at.Value),
            } ?? at.Value.NextStage;
        }
        while (at is not null && run.Found < FindingsMax && time.GetElapsedTime(started) < StepTime);
        return run.Step(at);
    }

    private async Task CloseAsync(CallContext context, InodeId file)
    {
        var owner = GrainFactory.GetGrain<IFileOwner>(GrainKeys.File(_machine, file));
        try
        {
            await owner.CloseAsync(context);
            // Answered only when the one that closes has ended.
            await owner.ContentAsync(context, 0);
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Unavailable or DosErrorCode.NoSuchPath)
        {
            // It stays open, or is gone: the rows say which.
        }
    }

    private async Task<InodeId> LostAndFoundAsync(CallContext context) =>
        (await GrainFactory.GetGrain<INamespaceGrain>(GrainKeys.Machine(_machine))
            .MakeDirectoryAsync(context with { Request = RequestId.New() }, NameCheck.LostAndFound, parents: true, mode: 0b111_000_000)).Inode;
}
