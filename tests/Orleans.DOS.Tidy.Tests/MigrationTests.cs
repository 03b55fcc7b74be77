using System.Security.Cryptography;
using System.Text;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>A step of the schema that a database may have run is never changed: what it lacks comes in a step of its own.</summary>
public class MigrationTests
{
    private const string Folder = "grains/Orleans.DOS.Grains/Catalog/Sql/";

    private static readonly Dictionary<string, string> Steps = new()
    {
        ["001-catalog.sql"] = "885395e495cf73910635b8ea14991c3ceac38125010b120ec8c83a1c0fade9ce",
        ["002-orleans.postgresql.sql"] = "8a96957c2c580a924ae7c8c77b6d5e350af64a2f3e4f5f737a54f04d6f8d08a7",
        ["002-orleans.sqlite.sql"] = "54795c5eec96d041cfb6c720e0ef48fe4b1ed56b9933257585ec5c7e9e23e3f0",
        ["003-views.sql"] = "dee46717939d8361af9fdc398e763f6ceac93c918c6abaf86e6ad76238c3ce4c",
        ["004-jobs.sql"] = "f3968bf9267be6b474eebe0802281d1f4e62f0925a4db9ce76971bd4f6ba680a",
    };

    [Fact]
    public void Steps_AreWhatTheyWere() => Assert.Equal(
        Steps.OrderBy(step => step.Key, StringComparer.Ordinal),
        Checkout.Files("*.sql").Where(path => path.StartsWith(Folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(path => KeyValuePair.Create(path[Folder.Length..], Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Checkout.Read(path)))))));
}
