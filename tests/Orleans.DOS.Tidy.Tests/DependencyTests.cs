using System.Xml.Linq;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>Who may depend on whom (README, ARCHITECTURE). Nothing points the other way.</summary>
public class DependencyTests
{
    /// <summary>Project -> what it may name directly. Worker and Server use the SDK as any client does; the demo counts with the userland's own Map.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Abstractions"] = [],
        ["Kernel"] = ["Abstractions"],
        ["Userland"] = ["Abstractions"],
        ["NodeContracts"] = ["Abstractions"],
        ["Grains"] = ["Kernel", "NodeContracts"],
        ["Nucleus"] = ["Kernel", "NodeContracts"],
        ["Client"] = ["Abstractions"],
        ["Http"] = ["Abstractions"],
        ["Worker"] = ["Client", "NodeContracts"],
        ["Server"] = ["Grains", "Nucleus", "Http", "Client"],
        ["Node"] = ["Server"],
        ["Cli"] = ["Client", "Userland"],
    };

    /// <summary>Packages that would let a layer do what it must not.</summary>
    private static readonly Dictionary<string, string[]> ForbiddenPackages = new()
    {
        ["Abstractions"] = ["Npgsql", "Dapper", "Microsoft.Data.Sqlite", "Microsoft.Orleans.Runtime", "Microsoft.Orleans.Server"],
        ["Kernel"] = ["Npgsql", "Dapper", "Microsoft.Data.Sqlite", "Microsoft.Orleans.Runtime", "Microsoft.Orleans.Server"],
        ["Nucleus"] = ["Npgsql", "Dapper", "Microsoft.Data.Sqlite"],
        ["Client"] = ["Npgsql", "Dapper", "Microsoft.Data.Sqlite", "Microsoft.Orleans.Runtime", "Microsoft.Orleans.Server"],
        ["Http"] = ["Microsoft.Orleans.Server", "Microsoft.Orleans.Runtime", "Npgsql"],
    };

    public static TheoryData<string> Projects() => new(Allowed.Keys);

    [Theory, MemberData(nameof(Projects))]
    public void Project_ReferencesOnlyWhatItsLayerMayName(string project)
    {
        var file = Checkout.Files("*.csproj").SingleOrDefault(path => Short(path) == project && !path.StartsWith("tests/", StringComparison.Ordinal));
        Assert.True(file is not null, $"project {project} is missing");
        var document = XDocument.Parse(Checkout.Read(file));
        var compiled = document.Descendants("ProjectReference")
            .Where(reference => (string?)reference.Attribute("ReferenceOutputAssembly") != "false")
            .Select(reference => Short((string)reference.Attribute("Include")!));
        Assert.Empty(compiled.Except(Allowed[project]));
        var packages = document.Descendants("PackageReference").Select(reference => (string)reference.Attribute("Include")!);
        Assert.Empty(packages.Intersect(ForbiddenPackages.GetValueOrDefault(project) ?? []));
    }

    [Fact]
    public void EveryProjectOutsideTests_StandsInTheTable()
    {
        var present = Checkout.Files("*.csproj").Where(path => !path.StartsWith("tests/", StringComparison.Ordinal)).Select(Short);
        Assert.Empty(present.Except(Allowed.Keys));
    }

    [Fact]
    public void EveryPackageVersion_IsPinnedCentrally()
    {
        var pinnedElsewhere = Checkout.Files("*.csproj")
            .Where(path => XDocument.Parse(Checkout.Read(path)).Descendants("PackageReference").Any(reference => reference.Attribute("Version") is not null));
        Assert.Empty(pinnedElsewhere);
        var versions = XDocument.Parse(Checkout.Read("Directory.Packages.props")).Descendants("PackageVersion").Select(version => (string)version.Attribute("Version")!);
        Assert.DoesNotContain(versions, version => version.Contains('*', StringComparison.Ordinal));
    }

    private static string Short(string path) =>
        Path.GetFileNameWithoutExtension(path.Replace('\\', '/')).Replace("Orleans.DOS.", "", StringComparison.Ordinal);
}
