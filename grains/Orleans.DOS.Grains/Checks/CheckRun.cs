using Orleans.DOS.Catalog;

namespace Orleans.DOS.Checks;

/// <summary>One step of a check while it runs: what is wanted, and what has been found. Replicas are looked at side by side, and may tell at once.</summary>
/// <param name="close">Seals what is open of a file.</param>
internal sealed class CheckRun(ICatalog catalog, CheckOptions options, Func<InodeId, Task> close)
{
    private readonly Lock _gate = new();
    private readonly List<Finding> _findings = [];
    private CheckStep _sums = new();

    public ICatalog Catalog => catalog;
    public bool IsDeep => options.Deep;
    public bool IsMending => options.Mend;
    public int Found => _findings.Count;

    public Task CloseAsync(InodeId file) => close(file);

    public void Add(Finding finding)
    {
        lock (_gate)
        {
            _findings.Add(finding);
        }
    }

    public void Count(long names = 0, long inodes = 0, long extents = 0, long segments = 0, long replicas = 0, long bytesRead = 0)
    {
        lock (_gate)
        {
            _sums = _sums with
            {
                Names = _sums.Names + names, Inodes = _sums.Inodes + inodes, Extents = _sums.Extents + extents,
                Segments = _sums.Segments + segments, Replicas = _sums.Replicas + replicas, BytesRead = _sums.BytesRead + bytesRead,
            };
        }
    }

    public CheckStep Step(CheckCursor? next) => _sums with { Findings = _findings, Next = next?.ToString() };

    /// <summary>Mends by statements that look again whether there is anything to mend, in one transaction.</summary>
    /// <returns>None when nothing was to be mended.</returns>
    public async Task<MendState> MendAsync(Func<ICatalogSession, Task<int>> mend) => !options.Mend ? MendState.None
        : await catalog.WriteAsync(mend) > 0 ? MendState.Done : MendState.NotPossible;
}
