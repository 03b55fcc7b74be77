using Orleans.DOS.Files;
using Orleans.DOS.Security;

namespace Orleans.DOS.Jobs;

/// <summary>What a coordinator does in the file tree, as the principal of its job.</summary>
internal sealed class JobFiles(IGrainFactory grains, MachineId machine, Principal principal, long sender)
{
    private const string Root = "/jobs";
    private readonly INamespaceGrain _tree = grains.GetGrain<INamespaceGrain>(GrainKeys.Machine(machine));
    private long _number;

    /// <summary>Where a job's own files lie: intermediates, and results if no other place was asked for.</summary>
    public static string HomeOf(JobId job) => $"{Root}/{job}";
    public static string ScratchOf(JobId job) => $"{HomeOf(job)}/tmp";

    /// <summary>All files under the inputs, each input's in byte order of their paths.</summary>
    /// <exception cref="DosException">NoSuchPath and others of the path family; LimitExceeded.</exception>
    public async Task<IReadOnlyList<PlannedFile>> ExpandAsync(IReadOnlyList<string> inputs)
    {
        var files = new List<PlannedFile>();
        foreach (var input in inputs)
        {
            await ExpandAsync(input, await _tree.StatAsync(Call(), input, true), files);
        }
        return files;
    }

    public async Task MakePlacesAsync(JobId job, string output)
    {
        // The root is everybody's, like /tmp: each job's directory below belongs to its principal.
        var asAdmin = Call() with { Principal = Principal.Admin };
        try
        {
            await _tree.MakeDirectoryAsync(asAdmin, Root, false, 0b111_111_111);
        }
        catch (DosException exists) when (exists.Code == DosErrorCode.PathExists)
        {
        }
        await _tree.MakeDirectoryAsync(Call(), ScratchOf(job), true, 0b111_101_101);
        await _tree.MakeDirectoryAsync(Call(), output, true, 0b111_101_101);
    }

    /// <summary>Whether results may be put there: it is not there yet, or empty.</summary>
    /// <exception cref="DosException">DirectoryNotEmpty, NotADirectory, path family.</exception>
    public async Task CheckOutputAsync(string output)
    {
        try
        {
            var page = await _tree.ListAsync(Call(), output, null, 1);
            if (page.Items.Count > 0)
            {
                throw new DosException(DosErrorCode.DirectoryNotEmpty, $"results cannot go to {output}, which is not empty");
            }
        }
        catch (DosException missing) when (missing.Code == DosErrorCode.NoSuchPath)
        {
        }
    }

    /// <summary>Gives a winning attempt's file its place among the results. Harmless when it is there already.</summary>
    public async Task CommitAsync(string attempt, string result)
    {
        try
        {
            await _tree.RenameAsync(Call(), attempt, result);
        }
        // A coordinator before this one has done it: attempts have names of their own, the result's directory is the job's alone.
        catch (DosException moved) when (moved.Code == DosErrorCode.NoSuchPath)
        {
            await _tree.StatAsync(Call(), result, true);
        }
    }

    /// <summary>Takes away what <see cref="CommitAsync"/> has put there. The directory is the job's alone.</summary>
    public async Task RemoveResultsAsync(string output)
    {
        try
        {
            for (string? after = null; ;)
            {
                var page = await _tree.ListAsync(Call(), output, after, Limits.PageEntriesMax);
                foreach (var entry in page.Items.Where(entry => JobResults.PartOf(entry.Name) is not null))
                {
                    await _tree.RemoveAsync(Call(), $"{output}/{entry.Name}", false);
                }
                if ((after = page.Next) is null)
                {
                    return;
                }
            }
        }
        catch (DosException gone) when (gone.Code == DosErrorCode.NoSuchPath)
        {
        }
    }

    public async Task RemoveScratchAsync(JobId job)
    {
        try
        {
            await _tree.RemoveAsync(Call(), ScratchOf(job), true);
        }
        catch (DosException gone) when (gone.Code == DosErrorCode.NoSuchPath)
        {
        }
    }

    public Task<IReadOnlyList<FileLocation>> LocateAsync(InodeId inode) =>
        grains.GetGrain<IFileGrain>(GrainKeys.File(machine, inode)).LocateAsync(Call());

    private async Task ExpandAsync(string path, FileStat stat, List<PlannedFile> files)
    {
        if (stat.Kind == InodeKind.File)
        {
            if (stat.Inode == InodeId.None)
            {
                throw new DosException(DosErrorCode.NotSupported, $"{path} is no stored file and cannot be the input of a job");
            }
            if (files.Count >= Limits.TasksPerJobMax)
            {
                throw new DosException(DosErrorCode.LimitExceeded, $"a job reads at most {Limits.TasksPerJobMax} files");
            }
            files.Add(new PlannedFile(path, stat.Inode, stat.Size));
            return;
        }
        for (string? after = null; ;)
        {
            var page = await _tree.ListAsync(Call(), path, after, Limits.PageEntriesMax);
            foreach (var entry in page.Items)
            {
                // Links are not followed below an input: a tree with a link to itself has no end.
                if (entry.Kind != InodeKind.SymbolicLink)
                {
                    var below = path.EndsWith('/') ? path + entry.Name : $"{path}/{entry.Name}";
                    var now = entry.Kind == InodeKind.File ? await _tree.StatAsync(Call(), below, false) : entry;
                    await ExpandAsync(below, now, files);
                }
            }
            if ((after = page.Next) is null)
            {
                return;
            }
        }
    }

    private CallContext Call() => new() { Machine = machine, Principal = principal, Request = new RequestId(sender, ++_number) };
}
