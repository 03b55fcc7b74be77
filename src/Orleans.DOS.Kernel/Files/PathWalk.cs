namespace Orleans.DOS.Files;

/// <summary>What a walk must know of an inode.</summary>
/// <param name="Target">Of a symbolic link.</param>
public readonly record struct WalkNode(InodeId Inode, InodeKind Kind, string? Target = null);

/// <summary>Where a walk ended.</summary>
public sealed record WalkEnd
{
    /// <summary>The directory in which the last name was looked up.</summary>
    public required InodeId Parent { get; init; }

    /// <summary>The last name looked up, or null when the walk ended at the root or by <c>..</c>.</summary>
    public string? Name { get; init; }

    /// <summary>What the path names, or null when <see cref="Name"/> is not there.</summary>
    public WalkNode? Node { get; init; }

    /// <summary>When <see cref="Node"/> is null: the names behind the missing one.</summary>
    public IReadOnlyList<string> Behind { get; init; } = [];

    /// <summary>Only a directory will do (the path ended in '/').</summary>
    public bool MustBeDirectory { get; init; }

    /// <summary>The names of a path that is no inode, its root first; empty otherwise.</summary>
    public IReadOnlyList<string> Virtual { get; init; } = [];
}

/// <summary>
/// Resolves a path as POSIX does, without reading anything itself: it asks for a run of names below a directory
/// (<see cref="Parent"/>, <see cref="Names"/>), is fed what was found of it, and asks again until <see cref="End"/> is set. Usually one
/// run is the whole path, so one statement answers it; a symbolic link in the middle costs another.
/// </summary>
public sealed class PathWalk
{
    /// <summary>Names in one run: bounds the statement that answers it.</summary>
    public const int RunNamesMax = 16;

    private readonly WalkNode _root;
    private readonly IReadOnlySet<string> _virtualRoots;
    private readonly string _text;
    private readonly bool _followLast;
    // Names still to be walked; the next one on top.
    private readonly Stack<string> _pending = new();
    // The directories from the root to where the walk stands: never empty, the root first. They are the physical way, so ".." is its last step undone.
    private readonly List<WalkNode> _chain;
    private string? _name;
    private bool _mustBeDirectory;
    private int _linksFollowed;

    /// <param name="followLast">Whether a symbolic link as last name is followed.</param>
    /// <param name="virtualRoots">First names below which nothing is an inode.</param>
    public PathWalk(InodeId root, DosPath path, bool followLast, IReadOnlySet<string> virtualRoots)
    {
        _root = new WalkNode(root, InodeKind.Directory);
        _virtualRoots = virtualRoots;
        _text = DosPath.Shown(path.Text);
        _followLast = followLast;
        _chain = [_root];
        _mustBeDirectory = path.MustBeDirectory;
        Push(path.Names);
        Advance();
    }

    /// <summary>Set when the walk is over.</summary>
    public WalkEnd? End { get; private set; }

    /// <summary>Where to look up the first of <see cref="Names"/>.</summary>
    public InodeId Parent => _chain[^1].Inode;

    /// <summary>The run asked for: at least one name, none of them <c>..</c>; each lies in what the one before it names.</summary>
    public IReadOnlyList<string> Names => _pending.Take(RunNamesMax).TakeWhile(name => name != "..").ToArray();

    /// <summary>Goes on with what was found of the run: as many nodes, in order, as exist (a run ends at what is no directory).</summary>
    /// <exception cref="DosException">NotADirectory, NoSuchPath, TooManyLinks, PathTooLong.</exception>
    public void Feed(IReadOnlyList<WalkNode> found)
    {
        var asked = Names.Count;
        for (var index = 0; index < asked && End is null; index++)
        {
            _name = _pending.Pop();
            if (index >= found.Count)
            {
                EndMissing();
                return;
            }
            if (Step(found[index]))
            {
                break;
            }
        }
        if (End is null)
        {
            Advance();
        }
    }

    /// <summary>Takes one node; true when the rest of the run no longer applies (a link was followed).</summary>
    private bool Step(WalkNode node)
    {
        switch (node.Kind)
        {
            case InodeKind.Directory:
                _chain.Add(node);
                return false;
            case InodeKind.SymbolicLink when _pending.Count > 0 || _followLast || _mustBeDirectory:
                Follow(node.Target!);
                return true;
            default:
                if (_pending.Count > 0 || _mustBeDirectory)
                {
                    throw new DosException(DosErrorCode.NotADirectory, $"'{DosPath.Shown(_name!)}' in '{_text}' is not a directory");
                }
                End = new WalkEnd { Parent = Parent, Name = _name, Node = node };
                return true;
        }
    }

    private void Follow(string target)
    {
        if (++_linksFollowed > Limits.SymbolicLinksFollowedMax)
        {
            throw new DosException(DosErrorCode.TooManyLinks, $"'{_text}' passes more than {Limits.SymbolicLinksFollowedMax} symbolic links");
        }
        var path = DosPath.ParseTarget(target);
        if (path.IsAbsolute)
        {
            _chain.RemoveRange(1, _chain.Count - 1);
        }
        _name = null;
        _mustBeDirectory |= _pending.Count == 0 && path.MustBeDirectory;
        Push(path.Names);
        if (_pending.Count > Limits.PathDepthMax)
        {
            throw new DosException(DosErrorCode.PathTooLong, $"'{_text}' grows beyond {Limits.PathDepthMax} names through its symbolic links");
        }
    }

    private void Push(IReadOnlyList<string> names)
    {
        for (var index = names.Count - 1; index >= 0; index--)
        {
            _pending.Push(names[index]);
        }
    }

    /// <summary>Does what needs no reading: <c>..</c>, paths that are no inodes, and the end.</summary>
    private void Advance()
    {
        while (_pending.TryPeek(out var next))
        {
            if (next == "..")
            {
                _pending.Pop();
                _name = null;
                if (_chain.Count > 1)
                {
                    _chain.RemoveAt(_chain.Count - 1);
                }
            }
            else if (_chain.Count > 1 || !_virtualRoots.Contains(next))
            {
                return;
            }
            else if (EnterVirtual())
            {
                return;
            }
        }
        var parent = _chain.Count > 1 ? _chain[^2] : _root;
        End = new WalkEnd { Parent = parent.Inode, Name = _name, Node = _chain[^1], MustBeDirectory = _mustBeDirectory };
    }

    /// <summary>Below a virtual root names are taken lexically; true when the path ends there, false when <c>..</c> leads out again.</summary>
    private bool EnterVirtual()
    {
        List<string> names = [];
        do
        {
            var name = _pending.Pop();
            if (name != "..")
            {
                names.Add(name);
            }
            else
            {
                names.RemoveAt(names.Count - 1);
                if (names.Count == 0)
                {
                    _name = null;
                    return false;
                }
            }
        }
        while (_pending.Count > 0);
        End = new WalkEnd { Parent = _root.Inode, Name = names[^1], Virtual = names, MustBeDirectory = _mustBeDirectory };
        return true;
    }

    private void EndMissing() =>
        End = new WalkEnd { Parent = Parent, Name = _name, Behind = _pending.ToArray(), MustBeDirectory = _mustBeDirectory };
}
