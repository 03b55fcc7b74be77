using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>What every log of a node uses.</summary>
internal sealed record LogServices(ICatalog Catalog, SegmentCommits Commits, INodeView Nodes, INodeClients Clients, SegmentPlacer Placer, SegmentReader Reader, LogWatch Watch, TimeProvider Time);
